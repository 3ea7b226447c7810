"""How things are written: outside text as it stands, tables no figure of which is cut, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from reconcilers.errors import SettingsInvalid
from reconcilers.reports.files import trimmed, visible, write_csv, write_json
from reconcilers.reports.waterfall_page import brief
from reconcilers.warehouses.base import Figures

if TYPE_CHECKING:
    from reconcilers import pipeline

#: What a command that lists something may print.
FORMATS = ("table", "csv", "json")
console = Console(stderr=True, emoji=False)


def paper(file: IO[str] | None = None) -> Console:
    """Standard output or a file, wide enough that no figure is cut: a narrow terminal wraps lines, a pipe has no width at all."""
    return Console(file=file, width=max(Console().width, 150), soft_wrap=True, emoji=False)


def written(value: object) -> str:
    """A stored value as text: a decimal with all its digits and never a power of ten, lists and structs as JSON, null as nothing."""
    return f"{value:f}" if isinstance(value, Decimal) else trimmed(value)


def print_table(
    out: Console,
    names: Sequence[str],
    rows: Sequence[Sequence[object]],
    text: Callable[[str, object], str] = lambda _, value: written(value),
    heads: Sequence[str] = (),
    fit: bool = False,
) -> None:
    """A line for each row under the names, or ``heads`` for them; numbers to the right, their points under one another.

    With ``fit``, a terminal gets as many columns as its width holds, and below how many others there are and what they are called;
    what goes to a file or another program has them all.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    cells = [
        _pointed([visible(text(name, value)) for value in column]) if _are_numbers(column)
        else [visible(text(name, value)) for value in column]
        for name, column in zip(names, columns, strict=True)
    ]  # fmt: skip
    heads = [visible(head) for head in heads or names]
    widths = [max(map(cell_len, (head, *column))) for head, column in zip(heads, cells, strict=True)]
    shown = _fitting(widths, Console().width) if fit and out.is_terminal else len(heads)
    numbers = [_are_numbers(column) for column in columns[:shown]]
    lines = zip(*cells[:shown], strict=True) if rows else ()
    for line, style in ((heads[:shown], "bold"), *((line, None) for line in lines)):
        padded = (_padded(*cell) for cell in zip(line, widths, numbers, strict=False))
        out.out(" " + "  ".join(padded).rstrip(), style=style, highlight=False)
    if left := heads[shown:]:
        out.out(f"{shown} of {len(heads)} columns; not shown: {', '.join(left)}", style="dim", highlight=False)


def print_records(
    out: Console,
    names: Sequence[str],
    rows: Sequence[Sequence[object]],
    text: Callable[[str, object], str] = lambda _, value: written(value),
) -> None:
    """A block for each row and in it a line for each of its values."""
    heads = [visible(name) for name in names]
    width = max(map(cell_len, heads))
    for number, row in enumerate(rows, 1):
        out.out(f"row {number} of {len(rows)}", style="bold", highlight=False)
        for head, name, value in zip(heads, names, row, strict=True):
            out.out(f" {_padded(head, width)}  {visible(text(name, value))}".rstrip(), highlight=False)


def _fitting(widths: Sequence[int], room: int) -> int:
    """How many columns, of these widths and two blanks apart, a line has room for; the first is always shown."""
    used, shown = 1, 0
    for width in widths:
        used += width + (2 if shown else 0)
        if shown and used > room:
            break
        shown += 1
    return shown


def _pointed(column: Sequence[str]) -> list[str]:
    """Numbers of one column with blanks behind, so that their points stand under one another where all stand to the right."""
    behind = [len(text) - text.find(".") if "." in text else 0 for text in column]
    return [text + " " * (max(behind) - after) for text, after in zip(column, behind, strict=True)]


def _are_numbers(column: Sequence[object]) -> bool:
    known = [value for value in column if value is not None]
    return bool(known) and all(
        isinstance(value, (Decimal, int, float)) and not isinstance(value, bool) for value in known
    )


def _padded(text: str, width: int, to_the_right: bool = False) -> str:
    blank = " " * (width - cell_len(text))
    return blank + text if to_the_right else text + blank


def print_figures(out: Console, figures: Figures) -> None:
    heads = [name.replace("_", " ") for name in figures.names]
    print_table(out, figures.names, figures.rows, brief, heads)
    out.print()


def plain(text: str) -> str:
    """Outside text within a line of markup."""
    return escape(visible(text))


def here(path: Path) -> Path:
    """A path as a person standing in the current folder would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextmanager
def progress_bars() -> Iterator[Progress]:
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    ) as bars:
        yield bars


def advancing(bars: Progress, bar: TaskID) -> pipeline.Progress:
    def advance(done: int, total: int, name: str) -> None:
        bars.update(bar, completed=done, total=max(total, done))

    return advance


def check_format(output: str) -> None:
    """Raises ``SettingsInvalid`` for another format than ``table``, ``csv`` and ``json``."""
    if output not in FORMATS:
        raise SettingsInvalid(f"unknown format {output!r:.20}", hint=f"use {', '.join(FORMATS)}")


def write_figures(figures: Figures, output: str) -> None:
    """For another program, to standard output: as ``csv`` or ``json``."""
    if output == "json":
        write_json(sys.stdout, figures)
    else:
        write_csv(sys.stdout, figures.names, figures.rows)
