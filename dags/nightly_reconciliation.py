"""Land every source, then build, audit and publish the finance tables, all together or not at all.

Runs at 02:00 UTC, or once a day as the cron expression in `RECONCILE_SCHEDULE` says, for the day before, its partition
key. By hand give `day`, or `from` and `to`: a backfill is one run over a range. `as_of`, the knowledge cut-off, is else the
run's start. Every task may run twice, and runs may overlap: one of them builds at a time, and knows all that was landed before.
It needs a pool: `airflow pools set reconcile_writer 1 "one writer of the finance tables"`.

**`land` failed for a source:** the others are published. What may pass by itself `land_late` tries again and `reconcile_late`
publishes; else `every_source_landed` fails and names it. The message says what is wrong with which file; then clear that
`land` with its downstream. **`reconcile` failed:** the last good tables stay.
`DoesNotReconcile` is for finance and names the audit that failed; after anything else, clear it.
"""

import os
from datetime import UTC, datetime

from airflow.sdk import CronPartitionTimetable, dag
from reconciliation import reconciliation
from run_steps import AS_OF, TASK, day


@dag(
    schedule=CronPartitionTimetable(
        os.environ.get("RECONCILE_SCHEDULE") or "0 2 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d"
    ),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=3,
    tags=["reconcile", "finance"],
    doc_md=__doc__,
    params={
        "day": day("The UTC day to reconcile; or give from and to."),
        "from": day("First day of a range."),
        "to": day("Last day of a range, included."),
        "as_of": AS_OF,
    },
    default_args=TASK,
)
def nightly_reconciliation() -> None:
    reconciliation()


nightly_reconciliation()
