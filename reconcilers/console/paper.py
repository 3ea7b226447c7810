"""How things are written: outside text as it stands, tables no figure of which is cut, progress."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from reconcilers.reports.waterfall_page import brief
from reconcilers.warehouses.base import Figures

if TYPE_CHECKING:
    from reconcilers import pipeline

console = Console(stderr=True, emoji=False)


def paper() -> Console:
    """Standard output, wide enough that no figure is cut: a narrow terminal wraps lines, a pipe has no width at all."""
    return Console(width=max(Console().width, 150), soft_wrap=True, emoji=False)


def written(value: object) -> str:
    """A stored value as text: a decimal with all its digits and never a power of ten, lists and structs as JSON, null as nothing."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(in_json(value), ensure_ascii=False)
    return "" if value is None else str(value)


def in_json(value: object) -> object:
    """A stored value as JSON holds it exactly: decimals and times are text, since a number of JSON is a double to most who read it."""
    if isinstance(value, dict):
        return {written(key): in_json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [in_json(one) for one in value]
    exact = value is None or isinstance(value, (str, int)) or (isinstance(value, float) and isfinite(value))
    return value if exact else written(value)


def print_table(
    out: Console,
    names: Sequence[str],
    rows: Sequence[Sequence[object]],
    text: Callable[[str, object], str] = lambda _, value: written(value),
    heads: Sequence[str] = (),
    records: bool = False,
) -> None:
    """A line for each row under the names, or ``heads`` for them; numbers to the right. With ``records``, a terminal too narrow for that gets a block for each row and a
    line for each of its values; what goes to a file or another program is never folded."""
    cells = [[visible(text(name, value)) for name, value in zip(names, row, strict=True)] for row in rows]
    heads = [visible(head) for head in heads or names]
    widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
    if records and out.is_terminal and sum(widths) + 2 * len(widths) - 1 > Console().width:
        _print_records(out, heads, cells)
        return
    numbers = [_are_numbers(column) for column in zip(*rows, strict=True)] or [False] * len(heads)
    for line, style in ((heads, "bold"), *((line, None) for line in cells)):
        padded = (_padded(*cell) for cell in zip(line, widths, numbers, strict=True))
        out.out(" " + "  ".join(padded).rstrip(), style=style, highlight=False)


def _print_records(out: Console, heads: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    width = max(map(cell_len, heads))
    for number, line in enumerate(cells, 1):
        out.out(f"row {number} of {len(cells)}", style="bold", highlight=False)
        for head, cell in zip(heads, line, strict=True):
            out.out(f" {_padded(head, width)}  {cell}".rstrip(), highlight=False)


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


def visible(text: str) -> str:
    """What a terminal would act on, or not show, as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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
