"""Land every source, then build, audit and publish the finance tables, all together or not at all.

Runs at 02:00 UTC for the day before, its partition key. By hand give `day`, or `from` and `to`: a backfill is one run
over a range. `as_of`, the knowledge cut-off, is else the run's start. Every task may run twice. `airflow backfill create`
needs `--max-active-runs 1`, or the run that publishes last may know less than the one before. It needs a pool:
`airflow pools set reconcile_writer 1 "one writer of the finance tables"`.

**`land` failed for a source:** the others are published; `every_source_landed` fails and names it. The message says what
is wrong with which file; then clear that `land` with its downstream. **`reconcile` failed:** the last good tables stay.
`DoesNotReconcile` is for finance and names the audit that failed; after anything else, clear it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronPartitionTimetable, Param, dag, task
from run_steps import every_source_landed, plan, reports, step, tell


@dag(
    schedule=CronPartitionTimetable("0 2 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d"),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    params={name: Param(None, type=["null", "string"]) for name in ("day", "from", "to", "as_of")},
    default_args={"retries": 3, "retry_delay": timedelta(minutes=2), "retry_exponential_backoff": 2.0},
)
def nightly_reconciliation() -> None:
    @task
    def sources(run: dict[str, str]) -> list[str]:
        with step(run) as (pipeline, settings, _, _):
            return pipeline.source_names(settings)

    @task
    def land_reference(run: dict[str, str], ti: Any = None) -> None:
        with step(run) as (pipeline, settings, _, as_of):
            tell(pipeline.land_reference(settings, as_of), ti)

    @task(map_index_template="{{ task.op_kwargs['source'] }}")
    def land(run: dict[str, str], source: str, ti: Any = None) -> None:
        with step(run) as (pipeline, settings, period, as_of):
            tell(pipeline.land(settings, source, period, as_of), ti)

    @task(pool="reconcile_writer", trigger_rule="all_done_min_one_success")
    def reconcile(run: dict[str, str], ti: Any = None) -> None:
        with step(run) as (pipeline, settings, period, as_of), pipeline.writing(settings):
            pipeline.build(settings, as_of)
            pipeline.publish(settings, period, as_of, reports(ti))

    run = task(plan)()
    names = sources(run)
    landing = [land_reference(run), land.partial(run=run).expand(source=names)]
    landing >> reconcile(run) >> task(every_source_landed)(names)


nightly_reconciliation()
