"""The nightly job, step by step: land every source, point the warehouse at what is known, build, audit, publish.

Each step is a function of explicit arguments (settings, source, period, ``as_of``) and may be killed and run again.
Airflow and the command line call the same functions; nothing here reads the clock.
"""

from __future__ import annotations

import errno
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from reconcilers.declared import models, reference, yaml_text
from reconcilers.declared.settings import Problem, Settings
from reconcilers.errors import Damaged, ReconcileError, SettingsInvalid, SourceBroken
from reconcilers.fetching import Causes, Fetching, told_once
from reconcilers.ingest.completeness import knowledge
from reconcilers.ingest.landing import Landed, Landing, Pull, Refused
from reconcilers.ingest.normalise import Lake, Normalised, models_told
from reconcilers.ingest.resolution.days import resolve
from reconcilers.ingest.resolution.tellings import Knowledge
from reconcilers.ingest.told_already import left_out_charges
from reconcilers.periods import Period, parse_instant
from reconcilers.reports.completeness import OPEN, incomplete, stale, still_open
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from reconcilers.warehouses import dbt
from reconcilers.warehouses.base import Candidate, Published, Warehouse, candidate_of, keep_candidate
from reconcilers.warehouses.choice import warehouse_of

#: What landing calls the reasons history was restated for.
REPLAYS = "(replays)"
#: (units done, units in all, name of the unit)
Progress = Callable[[int, int, str], None]


@dataclass
class LandingReport:
    """What landing one source did. ``failures`` says of the units refused or unreachable what was wrong, one line a cause; ``gone``
    are units in force that the source no longer lists."""

    source: str
    units: int = 0
    news: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    billed_cost: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    retryable: bool = False


def configured_sources(settings: Settings) -> list[tuple[str, Source]]:
    """Every configured source with its room, in the order of the settings. Raises ``SettingsInvalid`` with all that is wrong."""
    if wrong := list(source_problems(settings)):
        lines = yaml_text.read(settings.file).line_of if settings.file.is_file() else lambda _: None
        told = []
        for room, number, place, problem in wrong:
            name = getattr(settings, room)[number].get("name")
            named = ".".join(map(str, (room, name or number, *place)))
            told.append(str(Problem(lines((room, number, *place)), named, problem)))
        raise SettingsInvalid("; ".join(told), file=str(settings.file))
    return [
        (room, registry.load(room, resolved(settings, config)))
        for room in registry.ROOMS
        for config in getattr(settings, room)
    ]


def source_problems(settings: Settings) -> Iterator[tuple[str, int, yaml_text.Place, str]]:
    """(room, number in it, key, what is wrong) of all that is wrong with the keys of sources."""
    for room in registry.ROOMS:
        for number, config in enumerate(getattr(settings, room)):
            for place, problem in registry.problems(room, config):
                yield room, number, place, problem


def source_names(settings: Settings) -> list[str]:
    """Names of the configured sources, as Airflow maps over them."""
    return [str(config["name"]) for room in registry.ROOMS for config in getattr(settings, room)]


def credentials(settings: Settings) -> list[str]:
    """Environment variables that the configured sources take secrets from, those they leave to a default too."""
    return sorted({variable for _, source in configured_sources(settings) for variable in source.secrets})


def land(
    settings: Settings, name: str, period: Period, as_of: datetime, progress: Progress | None = None
) -> LandingReport:
    """Fetch, validate and commit every unit of one source that covers ``period``.

    A unit that fails leaves what was known of it in force, is recorded as rejected at ``as_of`` and does not stop the
    others, unless the error stops the source: then all that are left are recorded with it. It stands rejected until it is taken, or a
    listing that would name it does not. Bills are pulled again for ``repull_days`` before the period, because providers restate.
    """
    room, source = next((room, source) for room, source in configured_sources(settings) if source.name == name)
    landing, lake = Landing(settings.landing, settings.renamed), Lake(settings.lake)
    report = LandingReport(name)
    window = period.widened(settings.repull_days) if room == "billing" else period
    fetching, causes, warnings = Fetching(landing, source), Causes(), list[tuple[str, str]]()
    try:
        with _our_fault(name):
            units = fetching.units(window)
            # What the listing would name as long as the source has it.
            owed = {unit for unit in _of_before(landing, name, as_of) if source.lists(unit, window)}
    except ReconcileError as error:
        landing.ask(name, window, period, [], as_of)
        _refuse(landing, report, "(listing)", period, as_of, error)
        return report
    landing.end_refusal(name, "(listing)", as_of)
    for refused in landing.refused(as_of):
        if refused.source == name and refused.unit in owed - {*units}:
            landing.end_refusal(name, refused.unit, as_of)
            warnings.append((refused.unit, "was refused, and is gone from the source"))
    report.gone = sorted(landed.unit for landed in landing.known(as_of, [name]) if landed.unit in owed - {*units})
    taken = []
    for number, unit in enumerate(units):
        if progress:
            progress(number, len(units), unit)
        try:
            with _our_fault(name, unit):
                emptied = _land_unit(landing, lake, source, fetching.pull(unit), as_of, report)
            if emptied:
                warnings.append((unit, "every row known before has vanished at the source"))
            landing.end_refusal(name, unit, as_of)
            taken.append(unit)
        except ReconcileError as error:
            _refuse(landing, report, unit, source.days(unit) or period, as_of, error)
            causes.met(unit, error)
    report.failures, report.warnings = causes.lines(), told_once(warnings)
    answered: list[Period] = []
    try:
        with _our_fault(name):
            answered = list(source.answered(window, taken))
    except ReconcileError as error:
        _refuse(landing, report, "(listing)", period, as_of, error)
    # Last: a run killed before has not had them.
    landing.ask(name, window, period, answered, as_of)
    report.units = len(units)
    if progress:
        progress(len(units), len(units), "")
    return report


def _of_before(landing: Landing, source: str, as_of: datetime) -> set[str]:
    """The units of a source that are in force or stand refused."""
    refused = {one.unit for one in landing.refused(as_of) if one.source == source and one.unit != "(listing)"}
    return refused | {landed.unit for landed in landing.known(as_of, [source])}


#: Errors of the machine and not of a source's code: the next unit would meet them, too.
_OF_THE_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)


@contextmanager
def _our_fault(source: str, unit: str | None = None) -> Iterator[None]:
    """Whatever a source's code fails with is an error of ours that names it, and so stops that unit only."""
    try:
        yield
    except (ReconcileError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
            raise
        raise SourceBroken.by(error, source=source, period=unit) from error


def _land_unit(
    landing: Landing, lake: Lake, source: Source, pull: Pull, as_of: datetime, report: LandingReport
) -> bool:
    """Take what was fetched of a unit. Returns whether every row known of it before has vanished."""
    content = lake.ensure_fresh(source, landing.prepare(pull, as_of))
    before = [known for known in landing.history(source.name, pull.unit) if known.known_at <= as_of]
    _, news = landing.commit(pull, as_of)
    report.news += news
    for entity, rows in content.rows.items():
        report.rows[entity] = report.rows.get(entity, 0) + rows
    for currency, cost in content.billed_cost.items():
        report.billed_cost[currency] = f"{Decimal(report.billed_cost.get(currency, '0')) + Decimal(cost):f}"
    emptied = bool(before and news and not sum(content.rows.values()))
    return emptied and _has_rows(lake, source, before[-1])


def _has_rows(lake: Lake, source: Source, landed: Landed) -> bool:
    """Whether the pull has rows in the reading that counts; none where nothing reads it any more."""
    reading, _ = _reading(lake, source, landed)
    return reading is not None and sum(reading.rows.values()) > 0


def _reading(lake: Lake, source: Source, landed: Landed) -> tuple[Normalised | None, ReconcileError | None]:
    """The lake rows of a committed pull. Where the source's recipe of today refuses the bytes: its last good reading, if there is one,
    and why it is that."""
    try:
        with _our_fault(source.name, landed.unit):
            return lake.ensure(source, landed), None
    except Damaged:
        raise
    except ReconcileError as error:
        return lake.last_reading(source, landed), error


def land_reference(settings: Settings, as_of: datetime) -> LandingReport:
    """Land the finance-owned reference files, so that a rebuild and an older ``as_of`` see what was declared then."""
    landing = Landing(settings.landing, settings.renamed)
    folder = settings.path(settings.reference)
    report = LandingReport(reference.SOURCE)
    for name in reference.CONTRACTS:
        path = folder / f"{name}.csv"
        try:
            reference.read(path, name)
        except ReconcileError as error:
            _refuse(landing, report, name, None, as_of, error)
            continue
        pull = landing.pull(reference.SOURCE, "reference", name)
        if path.is_file():
            pull.add(f"{name}.csv", path.name, path)
        report.units += 1
        report.news += landing.commit(pull, as_of)[1]
        landing.end_refusal(reference.SOURCE, name, as_of)
    report.warnings += reference.unread(folder)
    return report


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
    warehouse, now_known = warehouse_of(settings), known(settings, as_of)
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


def fingerprint(told: Known, variables: Mapping[str, object]) -> str:
    """Identity of what the tables are made from: lake files, which never change, the small tables beside them, dbt's text."""
    digest = hashlib.sha256(f"{dbt.recipe(variables)} {dbt.audits()}".encode())
    for entity, paths in sorted(told.files.items()):
        digest.update(f"{entity} {sorted(f'{path.parent.name}/{path.name}' for path in paths)}".encode())
    for tables in (told.reference, told.knowledge):
        for name, table in sorted(tables.items()):
            digest.update(f"{name} {table.to_pylist()}".encode())
    return digest.hexdigest()


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


@dataclass(frozen=True)
class Known:
    """Lake files per entity, reference tables, and tables of what is known of the sources themselves."""

    files: dict[str, list[Path]]
    reference: dict[str, Any]
    knowledge: dict[str, Any]


def known(settings: Settings, as_of: datetime, only: Callable[[Landed], bool] | None = None) -> Known:
    """What is known at ``as_of``. Of pulls, ``only`` those it takes."""
    landing, lake = Landing(settings.landing, settings.renamed), Lake(settings.lake)
    configured = configured_sources(settings)
    sources = {source.name: source for _, source in configured}
    files: dict[str, list[Path]] = {}
    charges: list[tuple[Landed, Path]] = []
    declared: dict[str, Landed] = {}
    unread: list[Refused] = []
    for landed in landing.known(as_of):
        if landed.source == reference.SOURCE:
            declared[landed.unit] = landed
        elif landed.source in sources and (only is None or only(landed)):
            reading, problem = _reading(lake, sources[landed.source], landed)
            if problem is not None:
                unread.append(_unread(landed, sources[landed.source].days(landed.unit), problem, reading))
            for entity, path in reading.files.items() if reading else ():
                files.setdefault(entity, []).append(path)
                charges += [(landed, path)] if entity == "charges" else []
    for landed, left_out in left_out_charges(charges):
        files.setdefault("left_out_charges", []).append(lake.keep(landed, "left_out_charges", left_out))
    rows = {name: reference.rows(_first_path(declared.get(name)), name) for name in reference.CONTRACTS}
    told = [models.Told(*one) for one in models_told(files)]
    bills = [str(config["name"]) for config in settings.billing]
    told += [
        models.Told(source, None, row["model"])
        for row in rows["skus"]
        if row["model"]
        for source in ([row["source"]] if row["source"] else bills)
    ]
    files |= resolve(files.get("calls", []), settings.lake, *_knowledge(models.named(rows, told, price_book=False)))
    # A call of several tellings can have one's provider and another's model.
    told += [models.Told(*one) for one in models_told({"resolved_calls": files.get("resolved_calls", [])})]
    rows = models.named(rows, told, price_book=settings.price_book == "genai-prices")
    rows = rows | _revenue(settings, landing.known(as_of))
    tables = {name: reference.table(found, name) for name, found in rows.items()}
    return Known(files, tables, knowledge(landing, configured, as_of, unread))


def held(settings: Settings, as_of: datetime) -> dict[str, dict[str, Any]]:
    """What is known of each configured source at ``as_of``: room, kind, units, rows per entity, billed cost per currency (ISO code →
    decimal text), ``last_day`` its newest line speaks of, the days it answered for (``landed_from`` to ``landed_until``), without those that are only pulled again."""
    landing, lake = Landing(settings.landing, settings.renamed), Lake(settings.lake)
    found = {}
    for room, source in configured_sources(settings):
        rows: Counter[str] = Counter()
        billed: dict[str, Decimal] = {}
        last_day = None
        units = landing.known(as_of, [source.name])
        for landed in units:
            content, _ = _reading(lake, source, landed)
            if content is None:
                continue
            rows.update(content.rows)
            last_day = max(filter(None, (last_day, content.last_day)), default=None)
            for currency, cost in content.billed_cost.items():
                billed[currency] = billed.get(currency, Decimal(0)) + Decimal(cost)
        asked = landing.asked(source.name, as_of).items()
        landed_days = [day for day, told in asked if told.landed and not told.pulled_again]
        found[source.name] = {
            "room": room,
            "kind": source.kind,
            "units": len(units),
            "rows": dict(sorted(rows.items())),
            "billed_cost": {currency: f"{cost:f}" for currency, cost in sorted(billed.items())},
            "last_day": last_day,
            "landed_from": str(min(landed_days)) if landed_days else None,
            "landed_until": str(max(landed_days)) if landed_days else None,
        }
    return found


def _unread(landed: Landed, days: Period | None, problem: ReconcileError, reading: Normalised | None) -> Refused:
    """A pull taken once that the recipe of today does not read."""
    kept = "its last good reading counts" if reading else "no earlier reading is kept, so nothing of it counts"
    told = _days_told(days)
    return Refused(
        landed.source, landed.unit, f"landed before and not read as configured now ({problem}); {kept}", *told
    )


def _knowledge(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[Knowledge, str]:
    """What resolution needs of what a company declares, and what stands for it."""
    names = {(row["provider"], row["name"]): row["model"] for row in rows["model_names"] if row["source"] is None}
    mapped = {row["provider"] for row in rows["billing_sources"]}
    declared = Knowledge(
        model_name=lambda provider, name: names.get((provider, name), name),
        is_mapped=lambda provider: None in mapped or provider in mapped,
    )
    renamed = sorted((told, model) for told, model in names.items() if told[1] != model)
    return declared, repr((renamed, sorted(mapped, key=repr)))


def _revenue(settings: Settings, known: Iterable[Landed]) -> dict[str, list[dict[str, Any]]]:
    """The sources of revenue, and what is known of them in the order it was told: of two lines of one ``revenue_id`` the later counts."""
    names = {str(config["name"]) for config in settings.revenue}
    told = sorted((one.known_at, one.unit, one.source, one.landing_id) for one in known if one.source in names)
    return {
        "revenue_sources": [{"source": name} for name in sorted(names)],
        "revenue_deliveries": [
            {"source": source, "unit": unit, "landing_id": landing_id, "place": place}
            for place, (_, unit, source, landing_id) in enumerate(told, start=1)
        ],
    }


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


def _first_path(landed: Landed | None) -> Path | None:
    return landed.proven(landed.objects[0]) if landed and landed.objects else None


def resolved(settings: Settings, config: Mapping[str, Any]) -> dict[str, Any]:
    """The source's configuration with a relative folder made absolute."""
    uri = config.get("uri")
    if isinstance(uri, str) and "://" not in uri:
        return {**config, "uri": str(settings.path(uri))}
    return dict(config)


def _refuse(
    landing: Landing, report: LandingReport, unit: str, days: Period | None, as_of: datetime, error: ReconcileError
) -> None:
    """``days`` are those the unit may speak of; null for any."""
    report.failures.append(str(error))
    report.retryable = report.retryable or error.retryable
    landing.refuse(Refused(report.source, unit, error.problem, *_days_told(days)), as_of)


def _days_told(days: Period | None) -> tuple[str | None, str | None]:
    return (str(days.start), str(days.end - timedelta(days=1))) if days else (None, None)
