"""The nightly job, step by step: land every source, point the warehouse at what is known, build, audit, publish.

Each step is a function of explicit arguments (settings, source, period, ``as_of``) and may be killed and run again.
Airflow and the command line call the same functions; nothing here reads the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from reconcilers.declared import models, reference
from reconcilers.declared.settings import Settings
from reconcilers.errors import ReconcileError, SettingsInvalid
from reconcilers.fetching import Causes, Fetching, told_once
from reconcilers.ingest.completeness import knowledge
from reconcilers.ingest.landing import Landed, Landing, Pull, Refused
from reconcilers.ingest.normalise import Lake, models_told
from reconcilers.ingest.resolution.days import resolve
from reconcilers.ingest.resolution.tellings import Knowledge
from reconcilers.ingest.told_already import left_out_charges
from reconcilers.periods import Period, parse_instant
from reconcilers.reports.completeness import incomplete
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from reconcilers.warehouses import dbt
from reconcilers.warehouses.base import Published
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
    found, wrong = [], []
    for room in registry.ROOMS:
        for config in getattr(settings, room):
            try:
                found.append((room, registry.load(room, _resolved(settings, config))))
            except SettingsInvalid as error:
                wrong.append(error)
    if len(wrong) > 1:
        raise SettingsInvalid("; ".join(map(str, wrong)), file=str(settings.file))
    if wrong:
        raise wrong[0]
    return found


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
    landing, lake = Landing(settings.landing), Lake(settings.lake)
    report = LandingReport(name)
    window = period.widened(settings.repull_days) if room == "billing" else period
    fetching, causes, warnings = Fetching(landing, source), Causes(), list[tuple[str, str]]()
    try:
        units = fetching.units(window)
    except ReconcileError as error:
        landing.ask(name, window, period, [], as_of)
        _refuse(landing, report, "(listing)", period, as_of, error)
        return report
    landing.end_refusal(name, "(listing)", as_of)
    for refused in landing.refused(as_of):
        if refused.source == name and refused.unit not in units and source.lists(refused.unit, window):
            landing.end_refusal(name, refused.unit, as_of)
            warnings.append((refused.unit, "was refused, and is gone from the source"))
    known_before = (landed.unit for landed in landing.known(as_of, [name]))
    listed = set(units)
    report.gone = sorted(unit for unit in known_before if unit not in listed and source.lists(unit, window))
    taken = []
    for number, unit in enumerate(units):
        if progress:
            progress(number, len(units), unit)
        try:
            if _land_unit(landing, lake, source, fetching.pull(unit), as_of, report):
                warnings.append((unit, "every row known before has vanished at the source"))
            landing.end_refusal(name, unit, as_of)
            taken.append(unit)
        except ReconcileError as error:
            _refuse(landing, report, unit, source.days(unit) or period, as_of, error)
            causes.met(unit, error)
    report.failures, report.warnings = causes.lines(), told_once(warnings)
    # Last: a run killed before has not had them.
    landing.ask(name, window, period, source.answered(window, taken), as_of)
    report.units = len(units)
    if progress:
        progress(len(units), len(units), "")
    return report


def _land_unit(
    landing: Landing, lake: Lake, source: Source, pull: Pull, as_of: datetime, report: LandingReport
) -> bool:
    """Take what was fetched of a unit. Returns whether every row known of it before has vanished."""
    content = lake.ensure(source, landing.prepare(pull, as_of))
    before = [known for known in landing.history(source.name, pull.unit) if known.known_at <= as_of]
    _, news = landing.commit(pull, as_of)
    report.news += news
    for entity, rows in content.rows.items():
        report.rows[entity] = report.rows.get(entity, 0) + rows
    for currency, cost in content.billed_cost.items():
        report.billed_cost[currency] = f"{Decimal(report.billed_cost.get(currency, '0')) + Decimal(cost):f}"
    emptied = bool(before and news and not sum(content.rows.values()))
    return emptied and sum(lake.ensure(source, before[-1]).rows.values()) > 0


def land_reference(settings: Settings, as_of: datetime) -> LandingReport:
    """Land the finance-owned reference files, so that a rebuild and an older ``as_of`` see what was declared then."""
    landing = Landing(settings.landing)
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

    Raises ``DoesNotReconcile`` when an invariant fails; what is published stays as it is.
    """
    warehouse = warehouse_of(settings)
    warehouse.load(*known(settings, as_of))
    return dbt.build(
        artefacts=settings.path(settings.home) / "dbt",
        environment=warehouse.environment,
        as_of=as_of,
        variables=variables(settings),
        executable=settings.dbt_executable,
        progress=progress,
    )


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
        return dbt.by_hand(
            arguments,
            artefacts=settings.path(settings.home) / "dbt_by_hand",
            environment=warehouse.environment,
            as_of=as_of,
            variables={**variables(settings), **more},
            executable=settings.dbt_executable,
        )


def known(
    settings: Settings, as_of: datetime, only: Callable[[Landed], bool] | None = None
) -> tuple[dict[str, list[Path]], dict[str, Any], dict[str, Any]]:
    """Lake files per entity, reference tables, and tables of what is known of the sources themselves, at ``as_of``.

    Of pulls, ``only`` those it takes.
    """
    landing, lake = Landing(settings.landing), Lake(settings.lake)
    configured = configured_sources(settings)
    sources = {source.name: source for _, source in configured}
    files: dict[str, list[Path]] = {}
    charges: list[tuple[Landed, Path]] = []
    declared: dict[str, Landed] = {}
    for landed in landing.known(as_of):
        if landed.source == reference.SOURCE:
            declared[landed.unit] = landed
        elif landed.source in sources and (only is None or only(landed)):
            for entity, path in lake.ensure(sources[landed.source], landed).files.items():
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
    return files, tables, knowledge(landing, configured, as_of)


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
        landing = Landing(settings.landing)
        pull = landing.pull(REPLAYS, "replay", str(period))
        pull.add("reason.txt", "", reason.encode())
        landing.commit(pull, as_of)
    warehouse = warehouse_of(settings)
    missing = incomplete(warehouse.candidate("fct_completeness"))
    told = (
        facts(period, as_of, reports)
        | {"incomplete": missing, "sources": source_names(settings)}
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
    return landed.path(landed.objects[0]) if landed and landed.objects else None


def _resolved(settings: Settings, config: Mapping[str, Any]) -> dict[str, Any]:
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
    told = (str(days.start), str(days.end - timedelta(days=1))) if days else (None, None)
    landing.refuse(Refused(report.source, unit, error.problem, *told), as_of)
