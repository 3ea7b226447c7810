"""What a person at a terminal sees: progress while a run works, tables when it is done."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.explain import SHOWN_CHARACTERS, StoredLine, current, explain
from reconcilers.gone import accept, refuse_gone
from reconcilers.periods import Period
from reconcilers.reports.completeness import told
from reconcilers.reports.waterfall_page import brief, month_figures, shown, write_page
from reconcilers.warehouses.base import Figures
from reconcilers.warehouses.choice import warehouse_of
from reconcilers.watch import watch, watched

console = Console(stderr=True, emoji=False)


def run_with_progress(
    settings: Settings,
    period: Period,
    as_of: datetime,
    fetch: bool = True,
    reason: str = "",
    accept_missing: Sequence[str] = (),
) -> bool:
    """One whole run, or one from what is landed already. Returns false when it published but some unit of some source failed."""
    with pipeline.writing(settings), _bars() as bars:
        reports = [pipeline.land_reference(settings, as_of)] if fetch else []
        for name in pipeline.source_names(settings) if fetch else []:
            bar = bars.add_task(f"land {name}", total=None)
            reports.append(pipeline.land(settings, name, period, as_of, _advance(bars, bar)))
            bars.update(bar, description=f"land {name}: {reports[-1].units} units, {reports[-1].news} new")
        for report in reports:
            for problem in (*report.warnings, *report.failures):
                console.print(f"[yellow]{report.source}[/]: {_plain(problem)}")
        accept(settings, accept_missing, reason, as_of, reports)
        refuse_gone(settings, as_of, reports)
        bar = bars.add_task("build and audit", total=None)
        pipeline.build(settings, as_of, _advance(bars, bar))
        published = pipeline.publish(settings, period, as_of, reports, reason)
    console.print(f"published {_plain(published.place)}")
    return not any(report.failures for report in reports)


def print_watch(settings: Settings, period: Period, as_of: datetime) -> bool:
    """Estimate the days of ``period`` and show the dearest hours. Returns false when some unit of telemetry failed."""
    with _bars() as bars:
        reports = watch(settings, period, as_of, _advance(bars, bars.add_task("land, estimate", total=None)))
    for report in reports:
        for problem in (*report.warnings, *report.failures):
            console.print(f"[yellow]{report.source}[/]: {_plain(problem)}")
    published = watched(settings).current()
    assert published is not None
    schema = settings.bigquery.published + "_watch" if settings.bigquery else "finance"
    dearest = published.ask(
        f"""select hour, tenant_id, feature_id, model, calls, unpriced_calls, estimated_cost
            from {schema}.fct_cost_hourly order by estimated_cost desc nulls last, hour, tenant_id, feature_id, model limit 12"""
    )
    _print_figures(_paper(), dearest)
    console.print(f"all hours: table fct_cost_hourly in {_plain(published.place)}")
    return not any(report.failures for report in reports)


def make_sample(seed: int, period: Period, events_per_day: int, out: Path, warehouse: str) -> None:
    """Write a sample company and say what is in it. Raises ``SettingsInvalid`` for what no sample can be made of."""
    from reconcilers.sample_company.sample import make

    with _bars() as bars:
        bar = bars.add_task("sample company", total=None)

        def advance(done: int, total: int, name: str) -> None:
            bars.update(bar, completed=done, total=total, description=f"sample company: {name}" if name else None)

        try:
            truth = make(seed, period.start, period.end, events_per_day, out, advance, warehouse)
        except (ValueError, FileExistsError) as error:
            raise SettingsInvalid(str(error)) from None
    console.print(
        f"wrote {out}: {len(truth.world.events)} events, {len(truth.world.calls)} calls, {len(truth.ledger.lines)} bill "
        f"lines, {len(truth.world.planted)} things planted to go wrong; truth.json has the answer"
    )


def serve(out: Path, known_at: datetime | None, host: str, port: int, command: Sequence[str]) -> int:
    """Serve a sample at ``host`` while ``command`` runs, or until interrupted. Returns the command's exit code."""
    from reconcilers.sample_company.providers.server import serving
    from reconcilers.sample_company.sample import TRUTH

    if not (out / TRUTH).is_file():
        raise SettingsInvalid(f"{out} holds no sample", hint="make one with `reconcile sample`")
    run = json.dumps(json.loads((out / TRUTH).read_text())["reconcile"])
    with serving(out, known_at, host, port) as providers:
        needed = {**providers.environment, "RECONCILE_CONFIG": str((out / "reconcile.yaml").resolve())}
        if command:
            needed["RECONCILE_SAMPLE_RUN"] = run
            return subprocess.run(list(command), env={**os.environ, **needed}, check=False).returncode
        console.print(f"serving {out} as known at {providers.known_at} UTC; in another terminal:")
        for name, value in needed.items():
            console.print(f"  export {name}={value}", highlight=False, soft_wrap=True)
        console.print("interrupt to stop")
        providers.wait()
    return 0


def print_status(settings: Settings) -> None:
    """The published version in a few lines."""
    published = warehouse_of(settings).current()
    if published is None:
        console.print("nothing is published yet; try `reconcile run --date DAY`")
        return
    facts = published.facts
    out = _paper()
    out.print(f"published  {_plain(published.place)}")
    out.print(f"period     {facts['period']}\nas of      {facts['as_of']}")
    if "reason" in facts:
        out.print(f"restated   {_plain(facts['reason'])}")
    for key in ("failed_units", "warnings"):
        for text in facts[key]:
            out.print(f"{key.replace('_', ' ')}: {_plain(text)}")
    for month, lines in facts.get("incomplete", {}).items():
        for line in lines:
            out.print(f"{month} not complete: {_plain(line)}")
    # A charge without a rate has its own currency.
    breaks = published.ask(
        """select kind, sum(case when material then 1 else 0 end), count(*), sum(amount), currency from finance.fct_breaks
           group by kind, currency order by 2 desc, kind, currency"""
    )
    _print_table(out, ["break", "material", "all", "amount", "currency"], breaks.rows)


def print_report(settings: Settings, page: Path | None) -> None:
    """Waterfall, dearest features and margins of the last published month, the page written, and what to try next."""
    published = current(settings)
    out = _paper()
    months = month_figures(published)
    for month, waterfall, *_ in months:
        out.print(f"[bold]{month:%B %Y}[/]: where every billed cent went")
        _print_table(out, ["step", "cost"], [(step, shown(cost)) for step, cost, *_ in waterfall.rows])
        billed = sum((cost for step, cost, *_ in waterfall.rows if step == "billed"), Decimal(0))
        rest = billed - sum((cost for step, cost, *_ in waterfall.rows if step != "billed"), Decimal(0))
        missing = told(published.facts, month)
        out.print(f"difference {rest:f}; the month is {'not complete:' if missing else 'complete'}")
        for line in missing:
            out.print(f"  {_plain(line)}")
        out.print()
    with_revenue = [one for one in months if any(row[1] for row in one[3].rows)] or months[-1:]
    for month, _, features, margins in with_revenue[-1:]:
        out.print(f"[bold]{month:%B %Y}[/]: the three dearest features per success")
        _print_figures(out, features)
        out.print(f"[bold]{month:%B %Y}[/]: tenant margins, rounded to the cent, with the coverage they stand on")
        _print_figures(out, margins)
    written = write_page(published, page or settings.path(settings.home) / "published" / "waterfall.html")
    out.print(f"tables    {published.place.removeprefix(f'{Path.cwd()}/')}\npage      {_here(written)}")
    failed = published.ask(
        """select event_id from finance.fct_cost_per_outcome where outcome = 'failure' and production
           order by reconciled_cost desc, event_id limit 1"""
    ).rows
    command = f"{_here(Path(sys.argv[0]))} {{}} --config {_here(settings.file)}"
    out.print("try next", "", sep="\n", end="")
    if failed:
        explain_it = command.format(f"explain {shlex.quote(str(failed[0][0]))}")
        out.print(f"  {_plain(explain_it)}   # the costliest failed event, down to the bytes", highlight=False)
    sql = "select waste_class, sum(waste_cost) from finance.fct_run_cost group by 1 order by 2 desc"
    out.print(f"  {_plain(command.format(f'query {chr(34)}{sql}{chr(34)}'))}", highlight=False)


def _here(path: Path) -> Path:
    """A path as a person standing in the current folder would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _print_figures(out: Console, figures: Figures) -> None:
    rows = [[brief(name, value) for name, value in zip(figures.names, row, strict=True)] for row in figures.rows]
    _print_table(out, [name.replace("_", " ") for name in figures.names], rows)
    out.print()


def print_query(settings: Settings, sql: str, output: str) -> None:
    """Result of a read-only query as ``table``, ``csv`` or ``json``. Raises ``SettingsInvalid`` for anything else."""
    if output not in ("table", "csv", "json"):
        raise SettingsInvalid(f"unknown format {output!r:.20}", hint="use table, csv or json")
    found = current(settings).ask(sql)
    names, rows = found.names, found.rows
    if output == "json":
        sys.stdout.write(json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str, indent=1) + "\n")
    elif output == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows([[_inert(value) for value in row] for row in rows])
    else:
        _print_table(_paper(), names, rows)


def print_explanation(settings: Settings, event_id: str, limit: int) -> bool:
    """An event from its cost down to stored bytes. Returns whether every share shown follows from the rules."""
    found = explain(settings, event_id, limit)
    out, event = _paper(), found.event
    out.print(
        f"[bold]event {_plain(event_id)}[/]: {event['outcome']}, tenant {_plain(str(event['tenant_id']))}, feature "
        f"{_plain(str(event['feature_id']))}\n"
        f"cost {event['reconciled_cost']:f} {event['currency']} billed, {event['accrued_cost']:f} accrued, "
        f"{event['waste_cost']:f} waste; {event['runs']} runs, {event['failed_attempts']} failed attempts"
    )
    columns = ["run_id", "kind", "attempt", "status", "error_type", "waste_class", "calls", "reconciled_cost"]
    _print_table(out, columns, [[run[column] for column in columns] for run in found.runs])
    for share in found.shares:
        out.print(
            f"\n[bold]call {share.call_id}[/]  {_plain(str(share.model))} {share.meter}: {share.quantity:f} of the "
            f"{share.cell_quantity:f} in match group {share.cell_id}\n"
            f"  received {share.cost:f} of its {share.cell_cost:f}; reckoned again by R17: {share.rederived_cost:f} "
            f"{'[green]equal[/]' if share.holds else '[red]NOT EQUAL[/]'}"
        )
        if share.contract_price is not None:
            out.print(
                f"  contract price {share.contract_price:f} per million, version {_plain(str(share.price_version))}"
            )
        for line in share.lines:
            out.print(f"  paid by charge {line.charge_id} ({line.part}) of {line.cost:f}")
            _print_stored(out, line.stored)
    if len(found.shares) < found.shares_in_all:
        out.print(f"\n{found.shares_in_all - len(found.shares)} smaller shares not shown; --limit shows more")
    for span in found.spans:
        out.print("\n[bold]as telemetry delivered it[/]")
        for part, calls in span.parts.items():
            out.print(f"  {_did(part)} {f'call {calls[0]}' if len(calls) == 1 else f'{len(calls)} calls of the event'}")
        _print_stored(out, span.stored)
    if len(found.spans) < found.spans_in_all:
        out.print(f"\n{found.spans_in_all - len(found.spans)} more lines of telemetry not shown; --limit shows more")
    return all(share.holds for share in found.shares)


#: What a line of telemetry did, as ``took_part`` of ``docs/lake.md`` says it.
_PARTS = {
    "counted": "its usage is that of",
    "beyond": "its usage beyond the calls below it is that of",
    "told": "tells, and its usage does not count:",
    "wraps": "contains in its own usage:",
}


def _did(part: str) -> str:
    verb, _, names = part.partition(" ")
    return _PARTS[verb] if verb in _PARTS else f"tells {', '.join(names.split())} of"


def _print_stored(out: Console, stored: StoredLine | None) -> None:
    if stored is None:
        out.print("    landed anew since this was published; run the job, then ask again")
        return
    cut = stored.text if len(stored.text) <= SHOWN_CHARACTERS else f"{stored.text[:SHOWN_CHARACTERS]} …"
    out.print(f"    {_plain(stored.source)} {_plain(stored.file)} line {stored.line}, sha256 {stored.sha256}")
    out.print(f"    {_plain(cut)}", style="dim", highlight=False)


def _print_table(out: Console, names: list[str], rows: list[Any]) -> None:
    table = Table(*map(_plain, names), box=None, header_style="bold")
    for row in rows:
        table.add_row(*[Text("" if value is None else _visible(str(value))) for value in row])
    out.print(table)


def _paper() -> Console:
    """Standard output, wide enough that no figure is cut: a narrow terminal wraps lines, a pipe has no width at all."""
    return Console(width=max(Console().width, 150), soft_wrap=True, emoji=False)


def _inert(value: object) -> object:
    """Text that a spreadsheet would run as a formula is made plain text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value


def _plain(text: str) -> str:
    """Outside text within a line of markup."""
    return escape(_visible(text))


def _visible(text: str) -> str:
    """What a terminal would act on, or not show, as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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
