"""What a person at a terminal sees: progress while a run works, tables when it is done."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from reconcilers import pipeline
from reconcilers.errors import SettingsInvalid
from reconcilers.periods import Period
from reconcilers.settings import Settings
from reconcilers.warehouses.duckdb import Store, published_at, read_only

console = Console(stderr=True)


def run_with_progress(settings: Settings, period: Period, as_of: datetime, *, full_refresh: bool = False) -> bool:
    """One whole run. Returns false when it published but some unit of some source failed."""
    store = Store(settings.path(settings.home))
    with store.writing(), _bars() as bars:
        reports = [pipeline.land_reference(settings, as_of)]
        for name in pipeline.source_names(settings):
            bar = bars.add_task(f"land {name}", total=None)
            reports.append(pipeline.land(settings, name, period, as_of, _advance(bars, bar)))
            bars.update(bar, description=f"land {name}: {reports[-1].units} units, {reports[-1].news} new")
        for report in reports:
            for problem in (*report.warnings, *report.failures):
                console.print(f"[yellow]{report.source}[/]: {_plain(problem)}")
        bar = bars.add_task("build and audit", total=None)
        pipeline.build(settings, as_of, _advance(bars, bar), full_refresh)
        version = pipeline.publish(settings, period, as_of, reports)
    console.print(f"published {version}")
    return not any(report.failures for report in reports)


def print_status(settings: Settings) -> None:
    """The published version in a few lines."""
    store = Store(settings.path(settings.home))
    current = store.current()
    if current is None:
        console.print("nothing is published yet; try `reconcile run --date DAY`")
        return
    facts = published_at(current)
    out = Console()
    out.print(f"published  {current}")
    out.print(f"period     {facts['period']}\nas of      {facts['as_of']}")
    for key in ("failed_units", "warnings"):
        for text in facts[key]:
            out.print(f"{key.replace('_', ' ')}: {_plain(text)}")
    with read_only(current) as connection:
        rows = connection.execute(
            "select kind, count(*), sum(amount) from finance.fct_breaks group by kind order by kind"
        ).fetchall()
    _print_table(out, ["break", "count", "amount"], rows)


def print_query(settings: Settings, sql: str, output: str) -> None:
    """Result of a read-only query as ``table``, ``csv`` or ``json``. Raises ``SettingsInvalid`` for anything else."""
    import duckdb

    if output not in ("table", "csv", "json"):
        raise SettingsInvalid(f"unknown format {output!r:.20}", hint="use table, csv or json")
    current = Store(settings.path(settings.home)).current()
    if current is None:
        raise SettingsInvalid("nothing is published yet", hint="run `reconcile run --date DAY` first")
    with read_only(current) as connection:
        try:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall()
        except duckdb.Error as error:
            raise SettingsInvalid(f"the query failed: {error}", hint="tables are in schema finance") from None
    if output == "json":
        sys.stdout.write(json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str, indent=1) + "\n")
    elif output == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows([[_inert(value) for value in row] for row in rows])
    else:
        _print_table(Console(), names, rows)


def _print_table(out: Console, names: list[str], rows: list[Any]) -> None:
    table = Table(*names, box=None, header_style="bold")
    for row in rows:
        table.add_row(*["" if value is None else _plain(str(value)) for value in row])
    out.print(table)


def _inert(value: object) -> object:
    """Text that a spreadsheet would run as a formula is made plain text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value


def _plain(text: str) -> str:
    """Outside text may hold console markup."""
    return text.replace("[", "\\[")


@contextmanager
def _bars() -> Iterator[Progress]:
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    ) as bars:
        yield bars


def _advance(bars: Progress, bar: TaskID) -> pipeline.Progress:
    def advance(done: int, total: int, name: str) -> None:
        bars.update(bar, completed=done, total=max(total, done))

    return advance
