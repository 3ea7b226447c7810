"""Runs with their progress: land, build, publish; the hourly estimate."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal

from reconcilers import money, pipeline
from reconcilers.attention import closing, money_in_and_out
from reconcilers.check import before_landing
from reconcilers.configured import source_names
from reconcilers.console.alerts import print_open
from reconcilers.console.check import print_findings
from reconcilers.console.paper import advancing, console, paper, plain, print_figures, progress_bars
from reconcilers.declared.settings import Settings
from reconcilers.gone import accept, refuse_gone
from reconcilers.periods import Period
from reconcilers.runs import Entry, Ledger
from reconcilers.watch import watch, watched, watched_schema


def run_with_progress(
    settings: Settings,
    period: Period,
    as_of: datetime,
    fetch: bool = True,
    reason: str = "",
    accept_missing: Sequence[str] = (),
) -> bool:
    """One whole run, or one from what is landed already. Returns false when it published but some unit of some source failed."""
    ledger, run_id = Ledger(settings.path(settings.home)), uuid.uuid4().hex
    ledger.begin(run_id, "run" if fetch else "rebuild", period, as_of, reason)
    with ledger.working(run_id) as entry:
        return _run(settings, period, as_of, fetch, reason, accept_missing, entry)


def _run(
    settings: Settings,
    period: Period,
    as_of: datetime,
    fetch: bool,
    reason: str,
    accept_missing: Sequence[str],
    entry: Entry,
) -> bool:
    if fetch:
        print_findings(console, before_landing(settings))
    with pipeline.writing(settings), progress_bars() as bars:
        reports = [pipeline.land_reference(settings, as_of)] if fetch else []
        for name in source_names(settings) if fetch else []:
            bar = bars.add_task(f"land {name}", total=None)
            reports.append(pipeline.land(settings, name, period, as_of, advancing(bars, bar)))
            bars.update(
                bar,
                description=f"land {name}: {reports[-1].units} units, {reports[-1].news} new{_restated(reports[-1])}",
            )
        for report in reports:
            for problem in (*report.warnings, *report.failures):
                console.print(f"[yellow]{report.source}[/]: {plain(problem)}")
        accept(settings, accept_missing, reason, as_of, reports)
        refuse_gone(settings, as_of, reports)
        bar = bars.add_task("build and audit", total=None)
        built = pipeline.build(settings, as_of, advancing(bars, bar))
        if not built.nodes:
            bars.update(bar, description="nothing known has changed: the tables stand as they are")
        published = pipeline.publish(settings, period, as_of, reports, reason)
    in_part = any(report.failures for report in reports)
    entry.published(published.name, in_part, bool(built.nodes), money_in_and_out(published, period))
    console.print(f"published {plain(published.place)}")
    for line in closing(published, period):
        console.print(plain(line))
    return not in_part


def _restated(report: pipeline.LandingReport) -> str:
    """What the bill of units known before came to more: ``; known before, billed +1.25 USD``."""
    amounts = {currency: Decimal(more) for currency, more in sorted(report.restated.items())}
    told = [f"{'+' if more > 0 else ''}{money.plain(more)} {currency}" for currency, more in amounts.items() if more]
    return f"; known before, billed {', '.join(told)}" if told else ""


def print_watch(settings: Settings, period: Period, as_of: datetime) -> bool:
    """Estimate the days of ``period``, show their dearest hours and the open alerts. Returns false when some unit of telemetry failed."""
    with progress_bars() as bars:
        reports = watch(settings, period, as_of, advancing(bars, bars.add_task("land, estimate", total=None)))
    for report in reports:
        for problem in (*report.warnings, *report.failures):
            console.print(f"[yellow]{report.source}[/]: {plain(problem)}")
    published = watched(settings).current()
    assert published is not None
    dearest = published.ask(
        f"""select hour, tenant_id, feature_id, model, calls, unpriced_calls, estimated_cost
            from {watched_schema(settings)}.fct_cost_hourly where hour >= ?
            order by estimated_cost desc nulls last, hour, tenant_id, feature_id, model limit 12""",
        datetime.combine(period.start, time()),
    )
    print_figures(paper(), dearest)
    console.print(f"all hours: table fct_cost_hourly in {plain(published.place)}")
    print_open(settings)
    return not any(report.failures for report in reports)
