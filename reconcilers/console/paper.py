"""How things are written: outside text as it stands, tables no figure of which is cut, progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from reconcilers.reports.waterfall_page import brief
from reconcilers.warehouses.base import Figures

if TYPE_CHECKING:
    from reconcilers import pipeline

console = Console(stderr=True, emoji=False)


def paper() -> Console:
    """Standard output, wide enough that no figure is cut: a narrow terminal wraps lines, a pipe has no width at all."""
    return Console(width=max(Console().width, 150), soft_wrap=True, emoji=False)


def print_table(out: Console, names: list[str], rows: list[Any]) -> None:
    table = Table(*map(plain, names), box=None, header_style="bold")
    for row in rows:
        table.add_row(*[Text("" if value is None else visible(str(value))) for value in row])
    out.print(table)


def print_figures(out: Console, figures: Figures) -> None:
    rows = [[brief(name, value) for name, value in zip(figures.names, row, strict=True)] for row in figures.rows]
    print_table(out, [name.replace("_", " ") for name in figures.names], rows)
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
