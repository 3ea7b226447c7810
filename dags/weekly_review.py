"""Send the review of a week once its last day is reconciled from every source: what to decide, and what came of last week's decisions.

Waits for the asset `finance`, which every run updates with its days; the run of a Sunday sends the week that ends with it, of
any other day nothing. By hand give `day`, any of the week. The table is `rpt_weekly_review`; `docs/operations.md` says how to read it.

**`review` failed:** nothing else waits for it; clear it. The week stays in the table.
"""

from datetime import date, timedelta
from typing import Any

from airflow.sdk import Asset, PartitionedAssetTimetable, dag, task
from airflow.sdk.exceptions import AirflowFailException
from alerts import send
from run_steps import TASK, day, log


@dag(
    schedule=PartitionedAssetTimetable(assets=Asset("finance")),
    catchup=False,
    max_active_runs=1,
    tags=["reconcile", "finance"],
    doc_md=__doc__,
    params={"day": day("A day of the week to send.")},
    default_args=TASK,
)
def weekly_review() -> None:
    @task
    def review(params: Any = None, dag_run: Any = None) -> None:
        from reconcilers.declared.settings import read_settings
        from reconcilers.weekly import review_of

        if not (params["day"] or dag_run.partition_key):
            raise AirflowFailException("give parameter day; only a run of the asset has a partition key")
        told = date.fromisoformat(params["day"] or dag_run.partition_key)
        if told.weekday() != 6 and not params["day"]:
            log.info("%s ends no week", told)
            return
        monday = told - timedelta(days=told.weekday())
        lines = review_of(read_settings(), monday)
        log.info("week of %s: %s lines", monday, len(lines))
        send(f"review of the week of {monday}", lines)

    review()


weekly_review()
