"""The hourly watch: what the last hours cost at list price, before any bill, and what of it is unlike the weeks before.

It lands telemetry and reference data of the days asked for as the nightly run does, builds ``fct_cost_hourly`` and
``fct_alerts``, and publishes them by themselves: on DuckDB in a store of its own (``<home>/watch``), on BigQuery in datasets
of its own, of which readers know ``finance_watch``. So it never waits for a nightly run, and no nightly run for it.

What is usual is told by the weeks before, of all that was landed by whichever run. They are kept as hourly sums by day
(``int_hour_costs``), made once: an hour's run reads the calls of the days whose files changed.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

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

#: Weeks whose same weekdays say what is usual: ``history_weeks`` of the dbt project.
HISTORY_WEEKS = 4
#: Weeks in which an alert keeps its beginning, and so its identity.
_JUDGED_WEEKS = 2


def watch(
    settings: Settings, period: Period, as_of: datetime, progress: dbt.Progress | None = None
) -> list[LandingReport]:
    """Land telemetry of ``period``, estimate, judge and publish. A source that fails is told and leaves what was known of it."""
    warehouse = watched(settings)
    with warehouse.writing():
        names = [str(config["name"]) for config in settings.telemetry]
        reports = [
            pipeline.land_reference(settings, as_of),
            *(pipeline.land(settings, n, period, as_of) for n in names),
        ]
        days = history(period)
        telemetry = {source.name: source for room, source in configured_sources(settings) if room == "telemetry"}

        def of_the_days(landed: Landed) -> bool:
            return landed.source in telemetry and telemetry[landed.source].lists(landed.unit, days)

        now_known = known(settings, as_of, of_the_days, progress)
        warehouse.load(now_known.files, now_known.reference, now_known.knowledge)
        dbt.build(
            artefacts=settings.path(settings.home) / "watch" / "dbt",
            environment=warehouse.environment,
            as_of=as_of,
            variables=pipeline.variables(settings),
            watched=days,
            executable=settings.dbt_executable,
            progress=progress,
        )
        warehouse.publish(pipeline.facts(period, as_of, reports), settings.keep_versions)
    return reports


def history(period: Period) -> Period:
    """The days that hourly sums are kept of, to judge the last of ``period``: from a Monday, the weeks judged and those before."""
    last = period.end - timedelta(days=1)
    return Period(_monday(last) - timedelta(weeks=HISTORY_WEEKS + _JUDGED_WEEKS - 1), period.end)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def watched(settings: Settings) -> Warehouse:
    """Where the estimates are built and published."""
    changed: dict[str, object] = {"home": settings.path(settings.home) / "watch"}
    if settings.bigquery:
        changed["bigquery"] = settings.bigquery.model_copy(
            update={"prefix": f"{settings.bigquery.prefix}watch_", "published": f"{settings.bigquery.published}_watch"}
        )
    return warehouse_of(settings.model_copy(update=changed))


def watched_schema(settings: Settings) -> str:
    """What readers call the schema of the estimates."""
    return f"{settings.bigquery.published}_watch" if settings.bigquery else "finance"
