"""The nightly job, step by step: land every source, point the warehouse at what is known, build, audit, publish.

Each step is a function of explicit arguments (settings, source, period, ``as_of``) and may be killed and run again.
Airflow and the command line call the same functions; nothing here reads the clock.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from reconcilers.configured import configured_sources
from reconcilers.declared import euro_rates, reference
from reconcilers.declared.settings import Settings
from reconcilers.errors import Damaged, ReconcileError, SettingsInvalid
from reconcilers.fetching import Causes, Fetching, ahead, readers_of, told_once
from reconcilers.ingest.landing import Landed, Landing, Pull, Quarantined, Received, Refused
from reconcilers.ingest.normalise import Lake, Normalised
from reconcilers.known import days_told, fingerprint, first_path, held, known, our_fault, reading_of
from reconcilers.new_columns import NewColumns
from reconcilers.periods import Period, parse_instant
from reconcilers.reports.completeness import OPEN, incomplete, stale, still_open
from reconcilers.restatements import Restatement
from reconcilers.sources.contract import Source
from reconcilers.warehouses import dbt
from reconcilers.warehouses.base import Candidate, Published, Warehouse, candidate_of, keep_candidate
from reconcilers.warehouses.choice import warehouse_of

#: What landing calls the reasons history was restated for.
REPLAYS = "(replays)"
#: The unit that stands refused where a source could not say what it has.
LISTING = "(listing)"
#: (units done, units in all, name of the unit)
Progress = Callable[[int, int, str], None]


@dataclass
class LandingReport:
    """What landing one source did. ``restated`` says what the bill of units known before came to more, by currency; ``failures`` of the
    units refused or unreachable what was wrong, one line a cause; ``gone`` are units in force that the source no longer lists."""

    source: str
    units: int = 0
    news: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    billed_cost: dict[str, str] = field(default_factory=dict)
    restated: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    retryable: bool = False


def land(
    settings: Settings, name: str, period: Period, as_of: datetime, progress: Progress | None = None
) -> LandingReport:
    """Fetch, validate and commit every unit of one source that covers ``period``.

    A unit that fails leaves what was known of it in force, is recorded as rejected at ``as_of`` and does not stop the
    others, unless the error stops the source: then all that are left are recorded with it. It stands rejected until it is taken, or a
    listing that would name it does not. Bills are pulled again for ``repull_days`` before the period, because providers restate.
    """
    with Landing(settings.landing, settings.renamed).adding():
        return _land(settings, name, period, as_of, progress)


def _land(settings: Settings, name: str, period: Period, as_of: datetime, progress: Progress | None) -> LandingReport:
    room, source = _configured(settings, name)
    landing, lake = Landing(settings.landing, settings.renamed), Lake(settings.lake)
    report = LandingReport(name)
    window = period.widened(settings.repull_days) if room == "billing" else period
    fetching, causes, warnings = Fetching(landing, source), Causes(), list[tuple[str, str]]()
    new_columns = NewColumns(landing, name, as_of)
    try:
        with our_fault(name):
            units = fetching.units(window)
            # What the listing would name as long as the source has it.
            owed = {unit for unit in _of_before(landing, name, as_of) if source.lists(unit, window)}
    except ReconcileError as error:
        landing.ask(name, window, period, [], as_of)
        _refuse(landing, report, LISTING, period, as_of, error)
        return report
    landing.end_refusal(name, LISTING, as_of)
    for refused in landing.refused(as_of):
        if refused.source == name and refused.unit in owed - {*units}:
            landing.end_refusal(name, refused.unit, as_of)
            warnings.append((refused.unit, "was refused, and is gone from the source"))
    report.gone = sorted(landed.unit for landed in landing.known(as_of, [name]) if landed.unit in owed - {*units})
    taken = []
    received: dict[str, Pull] = {}

    def pulled(numbered: tuple[int, str]) -> Pull:
        if progress:
            progress(numbered[0], len(units), numbered[1])
        received[numbered[1]] = fetching.pull(numbered[1])
        return received[numbered[1]]

    def read(pull: Pull) -> tuple[Pull, Normalised]:
        return pull, lake.ensure_fresh(source, landing.prepare(pull, as_of))

    for (_, unit), taking in ahead(enumerate(units), pulled, read, readers_of(source)):
        try:
            with our_fault(name, unit):
                pull, content = taking.result()
                restatement = _restatement(landing, lake, source, pull, content, as_of)
                # A bill is taken whole or not at all, a stream of independent records always (R33).
                if restatement and room == "billing":
                    restatement.refuse_if_cut_short(name, unit)
                news = _take(landing, pull, content, restatement, as_of, report)
            if restatement and restatement.warning:
                warnings.append((unit, restatement.warning))
            if news and room == "billing" and (new := new_columns.warning(news)):
                warnings.append((unit, new))
            landing.end_refusal(name, unit, as_of)
            taken.append(unit)
        except ReconcileError as error:
            _refuse(landing, report, unit, source.days(unit) or period, as_of, error, received.get(unit))
            causes.met(unit, error)
        received.pop(unit, None)
    report.failures, report.warnings = causes.lines(), told_once(warnings)
    answered: list[Period] = []
    try:
        with our_fault(name):
            answered = list(source.answered(window, taken))
    except ReconcileError as error:
        _refuse(landing, report, LISTING, period, as_of, error)
    # Last: a run killed before has not had them.
    landing.ask(name, window, period, answered, as_of)
    report.units = len(units)
    if progress:
        progress(len(units), len(units), "")
    return report


def readmit(settings: Settings, delivery: Quarantined, as_of: datetime) -> LandingReport:
    """Read a delivery that stands refused again, as its source is configured now, and take it.

    What was received of it is read as it is kept; where nothing is, the source is asked for that unit. Raises what refuses it,
    which is then recorded, and ``SettingsInvalid`` where its source is not configured.
    """
    landing, lake = Landing(settings.landing, settings.renamed), Lake(settings.lake)
    refused, report = delivery.refused, LandingReport(delivery.refused.source, units=1)
    _, source = _configured(settings, refused.source)
    days = source.days(refused.unit) or _days_of(refused)
    pull = landing.pull(source.name, source.kind, refused.unit)
    with landing.adding():
        received: Pull | None = None
        try:
            with our_fault(source.name, refused.unit):
                if delivery.received.objects:
                    pull.objects, pull.meta = list(delivery.received.objects), dict(delivery.received.meta)
                else:
                    source.fetch(refused.unit, pull)
                received = pull
                content = lake.ensure(source, landing.prepare(pull, as_of))
                # However short it is: somebody looked at it.
                restatement = _restatement(landing, lake, source, pull, content, as_of)
                _take(landing, pull, content, restatement, as_of, report)
                if days:
                    # Another day than these is what it is asked for: whether a run asked for them, and as what, stays as it was.
                    answered = list(source.answered(days, [refused.unit]))
                    landing.ask(source.name, days, Period.of_day(days.end), answered, as_of)
        except ReconcileError as error:
            _refuse(landing, report, refused.unit, days, as_of, error, received)
            raise
        # Last: one killed before is readmitted again.
        landing.end_refusal(source.name, refused.unit, as_of)
    return report


def _configured(settings: Settings, name: str) -> tuple[str, Source]:
    """The room and the source of that name. Raises ``SettingsInvalid`` where there is none."""
    for room, source in configured_sources(settings):
        if source.name == name:
            return room, source
    raise SettingsInvalid("there is no source of that name", source=name, hint="configure it, or say `renamed_from`")


def _days_of(refused: Refused) -> Period | None:
    if not (refused.first_day and refused.last_day):
        return None
    return Period(date.fromisoformat(refused.first_day), date.fromisoformat(refused.last_day) + timedelta(days=1))


def _of_before(landing: Landing, source: str, as_of: datetime) -> set[str]:
    """The units of a source that are in force or stand refused."""
    refused = {one.unit for one in landing.refused(as_of) if one.source == source and one.unit != LISTING}
    return refused | {landed.unit for landed in landing.known(as_of, [source])}


def _restatement(
    landing: Landing, lake: Lake, source: Source, pull: Pull, content: Normalised, as_of: datetime
) -> Restatement | None:
    """What a pull changes of its unit; null where nothing of it was known, it is known as it is, or what was known is read no more."""
    before = [known for known in landing.history(source.name, pull.unit) if known.known_at <= as_of]
    if not before or before[-1].landing_id == landing.prepare(pull, as_of).landing_id:
        return None
    try:
        reading, _ = reading_of(lake, source, before[-1])
    except Damaged:
        return None  # whoever reads it to build says so; what comes now takes its place
    return Restatement.between(reading, content) if reading else None


def _take(
    landing: Landing,
    pull: Pull,
    content: Normalised,
    restatement: Restatement | None,
    as_of: datetime,
    report: LandingReport,
) -> Landed | None:
    """Have what was fetched and read of a unit known from ``as_of`` on. Returns it; null where it was known as it is."""
    landed, is_news = landing.commit(pull, as_of)
    report.news += is_news
    for entity, rows in content.rows.items():
        report.rows[entity] = report.rows.get(entity, 0) + rows
    for currency, cost in content.billed_cost.items():
        _add(report.billed_cost, currency, Decimal(cost))
    for currency, more in restatement.change.items() if restatement else ():
        _add(report.restated, currency, more)
    return landed if is_news else None


def _add(sums: dict[str, str], currency: str, amount: Decimal) -> None:
    sums[currency] = f"{Decimal(sums.get(currency, '0')) + amount:f}"


def land_reference(settings: Settings, as_of: datetime) -> LandingReport:
    """Land the finance-owned reference files, so that a rebuild and an older ``as_of`` see what was declared then."""
    landing = Landing(settings.landing, settings.renamed)
    folder = settings.path(settings.reference)
    report = LandingReport(reference.SOURCE)
    before = {one.unit: one for one in landing.known(as_of, [reference.SOURCE])}
    for name in (*reference.CONTRACTS, reference.EURO_RATES):
        path = folder / f"{name}.csv"
        try:
            if name == reference.EURO_RATES:
                path = euro_rates.path_in(folder)
                euro_rates.read_after(path, first_path(before.get(name)))
            else:
                reference.read(path, name)
        except ReconcileError as error:
            _refuse(landing, report, name, None, as_of, error)
            continue
        with landing.adding():
            pull = landing.pull(reference.SOURCE, "reference", name)
            if path.is_file():
                pull.add(path.name, path.name, path)
            report.units += 1
            report.news += landing.commit(pull, as_of)[1]
            landing.end_refusal(reference.SOURCE, name, as_of)
    report.warnings += reference.unread(folder)
    return report


def who() -> str:
    """Whoever runs the job; a container's user may have a number and no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def writing(settings: Settings) -> AbstractContextManager[None]:
    """The one writer's place, held over ``build`` and ``publish``. Raises ``Busy`` while another run holds it."""
    return warehouse_of(settings).writing()


def build(
    settings: Settings,
    as_of: datetime,
    progress: dbt.Progress | None = None,
) -> dbt.Build:
    """Build and audit candidate tables from everything known at ``as_of``; the caller holds the writer's place.

    Where nothing that is known changed since the tables that stand were built, dbt is not started and the build has no nodes.
    Raises ``DoesNotReconcile`` when an invariant fails; what is published stays as it is.
    """
    warehouse, now_known = warehouse_of(settings), known(settings, as_of, progress=progress)
    told = fingerprint(now_known, variables(settings))
    standing = candidate_of(warehouse.folder)
    if standing and standing.is_for(told, as_of):
        return dbt.Build()
    keep_candidate(warehouse.folder, None)
    warehouse.load(now_known.files, now_known.reference, now_known.knowledge)
    built = dbt.build(
        artefacts=settings.path(settings.home) / "dbt",
        environment=warehouse.environment,
        as_of=as_of,
        variables=variables(settings),
        executable=settings.dbt_executable,
        progress=progress,
    )
    keep_candidate(warehouse.folder, Candidate(told, as_of, _holds_until(warehouse, as_of)))
    return built


def _holds_until(warehouse: Warehouse, as_of: datetime) -> datetime:
    """The last instant at which the tables just built say the same of the same facts: that day, unless an event is given up before."""
    day_ends = datetime.combine(as_of.date(), time.max)
    ((given_up_after,),) = warehouse.candidate("int_next_abandoned", "intermediate").rows
    return min(day_ends, given_up_after or day_ends)


def run_dbt(settings: Settings, arguments: Sequence[str], more: Mapping[str, object]) -> int:
    """A dbt command over the store as the last build left it, in its environment, with its variables and ``more``.

    It knows what the published version knew; nothing is landed, loaded or published. Artefacts lie beside those of builds.
    Returns dbt's exit code. Raises ``SettingsInvalid`` where nothing is published.
    """
    warehouse = warehouse_of(settings)
    published = warehouse.current()
    if published is None:
        raise SettingsInvalid("nothing is published yet, so there is no store", hint="run the job once")
    as_of = parse_instant(published.facts["as_of"])
    with warehouse.writing():
        keep_candidate(warehouse.folder, None)
        return dbt.by_hand(
            arguments,
            artefacts=settings.path(settings.home) / "dbt_by_hand",
            environment=warehouse.environment,
            as_of=as_of,
            variables={**variables(settings), **more},
            executable=settings.dbt_executable,
        )


def variables(settings: Settings) -> dict[str, object]:
    """The variables of the dbt project."""
    return {
        "reporting_currency": settings.reporting_currency,
        "midnight_window_minutes": settings.midnight_window_minutes,
        "abandoned_after_days": settings.abandoned_after_days,
        "excess_ratio_millionths": settings.excess_ratio_millionths,
        "coverage_gate_millionths": settings.coverage_gate_millionths,
        "materiality": str(settings.materiality),
    }


def publish(
    settings: Settings, period: Period, as_of: datetime, reports: Sequence[LandingReport], reason: str = ""
) -> Published:
    """Make the audited candidate the current version; readers of older versions keep theirs.

    ``reason`` is why history was restated, where it was; landing keeps it, since versions go.
    """
    if reason:
        landing = Landing(settings.landing, settings.renamed)
        pull = landing.pull(REPLAYS, "replay", str(period))
        pull.add("reason.txt", "", reason.encode())
        landing.commit(pull, as_of)
    warehouse = warehouse_of(settings)
    completeness, sources = warehouse.candidate("fct_completeness"), held(settings, as_of)
    told = (
        facts(period, as_of, reports)
        | {
            "incomplete": incomplete(completeness),
            "open": still_open(warehouse.candidate("fct_breaks", where=OPEN), completeness),
            "stale": stale(sources),
            "sources": sources,
        }
        | ({"reason": reason} if reason else {})
    )
    return warehouse.publish(told, settings.keep_versions)


def facts(period: Period, as_of: datetime, reports: Sequence[LandingReport]) -> dict[str, Any]:
    """What a publication says of the run that made it."""
    return {
        "period": str(period),
        "as_of": as_of.isoformat(),
        "failed_units": [failure for report in reports for failure in report.failures],
        "warnings": [f"{report.source} {warning}" for report in reports for warning in report.warnings],
    }


def _refuse(
    landing: Landing,
    report: LandingReport,
    unit: str,
    days: Period | None,
    as_of: datetime,
    error: ReconcileError,
    pull: Pull | None = None,
) -> None:
    """``days`` are those the unit may speak of; null for any. ``pull`` is what was received of it, where that is whole."""
    report.failures.append(str(error))
    report.retryable = report.retryable or error.retryable
    landing.refuse(Refused(report.source, unit, error.problem, *days_told(days)), as_of, _received(error, pull))


def _received(error: ReconcileError, pull: Pull | None) -> Received:
    kept = (pull.kind, tuple(pull.objects), dict(pull.meta)) if pull else ("", (), {})
    return Received(kept[0], error.file, error.line, error.hint, *kept[1:])
