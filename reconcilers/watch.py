"""The hourly watch: what the last hours cost at list price, before any bill.

It lands telemetry and reference data as the nightly run does, builds ``fct_cost_hourly`` from the days asked for alone, and
publishes it by itself: on DuckDB in a store of its own (``<home>/watch``), on BigQuery in datasets of its own, of which
readers know ``finance_watch``. So it never waits for a nightly run, and no nightly run for it.
"""

from __future__ import annotations

from datetime import datetime

from reconcilers import pipeline
from reconcilers.configured import configured_sources
from reconcilers.declared.settings import Settings
from reconcilers.ingest.landing import Landed
from reconcilers.known import known
from reconcilers.periods import Period
from reconcilers.pipeline import LandingReport
from reconcilers.warehouses import dbt
from reconcilers.warehouses.base import Warehouse
from reconcilers.warehouses.choice import warehouse_of


def watch(
    settings: Settings, period: Period, as_of: datetime, progress: dbt.Progress | None = None
) -> list[LandingReport]:
    """Land telemetry of ``period``, estimate and publish. A source that fails is told and leaves what was known of it."""
    warehouse = watched(settings)
    with warehouse.writing():
        names = [str(config["name"]) for config in settings.telemetry]
        reports = [
            pipeline.land_reference(settings, as_of),
            *(pipeline.land(settings, n, period, as_of) for n in names),
        ]
        units = {
            (source.name, unit)
            for room, source in configured_sources(settings)
            if room == "telemetry"
            for unit in source.units(period)
        }

        def of_the_period(landed: Landed) -> bool:
            return (landed.source, landed.unit) in units

        now_known = known(settings, as_of, of_the_period)
        warehouse.load(now_known.files, now_known.reference, now_known.knowledge)
        dbt.build(
            artefacts=settings.path(settings.home) / "watch" / "dbt",
            environment=warehouse.environment,
            as_of=as_of,
            variables=pipeline.variables(settings),
            watched_from=period.start,
            executable=settings.dbt_executable,
            progress=progress,
        )
        warehouse.publish(pipeline.facts(period, as_of, reports), settings.keep_versions)
    return reports


def watched(settings: Settings) -> Warehouse:
    """Where the estimates are built and published."""
    changed: dict[str, object] = {"home": settings.path(settings.home) / "watch"}
    if settings.bigquery:
        changed["bigquery"] = settings.bigquery.model_copy(
            update={"prefix": f"{settings.bigquery.prefix}watch_", "published": f"{settings.bigquery.published}_watch"}
        )
    return warehouse_of(settings.model_copy(update=changed))
