"""Restate days that were reconciled before: ask every source for `from` to `to` again, build, audit and publish.

For a bill that was corrected further back than the nightly run looks (`repull_days`), or reference data mended backwards.
`reason` is required and kept for the auditor: in landing, and in what `reconcile status` tells of the publication. Days
whose input did not change give the tables they gave. What failed, and what then: as in `nightly_reconciliation`.
"""

from datetime import UTC, datetime

from airflow.sdk import Param, dag
from reconciliation import reconciliation
from run_steps import AS_OF, TASK, day


@dag(
    schedule=None,
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    tags=["reconcile", "finance"],
    doc_md=__doc__,
    params={
        "from": day("First day to restate.", required=True),
        "to": day("Last day, included.", required=True),
        "reason": Param(type="string", minLength=3, description="Why, for the auditor; it is kept in landing."),
        "as_of": AS_OF,
    },
    default_args=TASK,
)
def replay_period() -> None:
    reconciliation()


replay_period()
