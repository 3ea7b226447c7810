"""What tables there are and what their columns mean."""

from __future__ import annotations

import sys
import textwrap

from rich.console import Console

from reconcilers.console.paper import console, paper
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.reports.catalogue import Entry, catalogue, entry
from reconcilers.reports.files import visible, write_csv, write_json
from reconcilers.warehouses.base import Figures
from reconcilers.warehouses.choice import warehouse_of


def print_tables(settings: Settings, name: str | None, output: str) -> None:
    """All tables, or the columns of one, as ``table``, ``csv`` or ``json``. Raises ``SettingsInvalid`` for another format or name."""
    published = warehouse_of(settings).current()
    if published is None:
        console.print("nothing is published yet; these are the tables a run makes")
    entries = catalogue(published) if name is None else [entry(published, name)]
    if output == "table" and name is None:
        for one in entries:
            _print(f"{one.table.name}  a row is: {one.grain}", f"{one.meaning}{_if_absent(one.published is not None)}")
    elif output == "table":
        _print_columns(entries[0])
    elif output in ("csv", "json"):
        figures = _tables(entries) if name is None else _columns(entries[0])
        if output == "json":
            write_json(sys.stdout, figures)
        else:
            write_csv(sys.stdout, figures.names, figures.rows)
    else:
        raise SettingsInvalid(f"{output} is no format of this list", hint="use table, csv or json")


def _print_columns(one: Entry) -> None:
    _print(f"finance.{one.table.name}  a row is: {one.grain}", f"{one.meaning}{_if_absent(one.published is not None)}")
    width = max(len(column.name) for column in one.table.columns)
    types = max(len(column.type) for column in one.table.columns)
    for column in one.table.columns:
        absent = _if_absent(one.has(column.name)) if one.published is not None else ""
        head = f" {column.name:<{width}}  {column.type:<{types}}  "
        _wrapped(paper(), f"{column.meaning}{absent}", head, " " * len(head))


def _if_absent(is_there: bool) -> str:
    return "" if is_there else " (not in the published version)"


def _print(head: str, text: str) -> None:
    out = paper()
    out.out(visible(head), style="bold", highlight=False)
    _wrapped(out, text, "    ", "    ")


def _wrapped(out: Console, text: str, first: str, other: str) -> None:
    """A text in lines of the terminal's width, however narrow."""
    width = max(Console().width, len(first) + 30)
    lines = textwrap.wrap(visible(text), width, initial_indent=first, subsequent_indent=other, break_on_hyphens=False)
    out.out("\n".join(lines) or first.rstrip(), highlight=False)


def _tables(entries: list[Entry]) -> Figures:
    rows = [(one.table.name, one.grain, one.meaning, one.published is not None) for one in entries]
    return Figures(["table", "grain", "meaning", "published"], [tuple(row) for row in rows])


def _columns(one: Entry) -> Figures:
    rows = [(column.name, column.type, column.meaning, one.has(column.name)) for column in one.table.columns]
    return Figures(["column", "type", "meaning", "published"], [tuple(row) for row in rows])
