"""Estimate what the last hours cost, before any bill: telemetry × list price, by tenant, feature, model and hour.

Runs five minutes past every hour over the hour's day and the day before, and publishes `fct_cost_hourly` and `fct_alerts` by
themselves, beside the finance tables and never in their way: in `<home>/watch/published/current`, on BigQuery in dataset
`finance_watch`. An estimate is no cost: it knows no contract, credit or correction, and calls without a list price are in
`unpriced_calls`. What is unlike the same weekdays of four weeks before is sent once, with its owner, driver and checklist.

**`watch` failed:** the last estimates stay; the next hour's run makes them whole. No bill is touched.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronPartitionTimetable, Param, dag, task
from alerts import send_news
from run_steps import TASK, log, step


def hour_of(params: Any = None, dag_run: Any = None) -> dict[str, str]:
    """The days and the ``as_of`` of the run: those of its hour, or of parameter ``hour``."""
    hour = datetime.fromisoformat(dag_run.partition_key or params["hour"] or "")
    return {
        "from": f"{hour - timedelta(days=1):%Y-%m-%d}",
        "to": f"{hour:%Y-%m-%d}",
        "as_of": dag_run.start_date.replace(microsecond=0).isoformat(),
    }


@dag(
    schedule=CronPartitionTimetable("5 * * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%dT%H:00"),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["reconcile", "estimate"],
    doc_md=__doc__,
    params={
        "hour": Param(None, type=["null", "string"], description="The UTC hour to watch, such as 2026-10-03T14:00.")
    },
    default_args={**TASK, "retries": 1, "execution_timeout": timedelta(minutes=30)},
)
def hourly_cost_watch() -> None:
    @task
    def watch(run: dict[str, str]) -> None:
        from reconcilers.watch import watch as estimate

        with step(run) as (_, settings, period, as_of):
            for report in estimate(settings, period, as_of):
                log.info("%s: %s units, %s new", report.source, report.units, report.news)
            send_news(settings, "watch")

    watch(task(hour_of)())


hourly_cost_watch()
