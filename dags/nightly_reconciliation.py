"""Land every source, then build, audit and publish the finance tables, all together or not at all.

Runs at 02:00 UTC, or once a day as the cron expression in `RECONCILE_SCHEDULE` says, for the day before, its partition
key. By hand give `day`, or `from` and `to`: a backfill is one run over a range. `as_of`, the knowledge cut-off, is else the
run's start. Every task may run twice. `airflow backfill create` needs `--max-active-runs 1`, or the run that publishes last
may know less than the one before. It needs a pool: `airflow pools set reconcile_writer 1 "one writer of the finance tables"`.

**`land` failed for a source:** the others are published; `every_source_landed` fails and names it. The message says what
is wrong with which file; then clear that `land` with its downstream. **`reconcile` failed:** the last good tables stay.
`DoesNotReconcile` is for finance and names the audit that failed; after anything else, clear it.
"""

import os
from datetime import UTC, datetime

from airflow.sdk import CronPartitionTimetable, Param, dag
from reconciliation import reconciliation
from run_steps import TASK


@dag(
    schedule=CronPartitionTimetable(
        os.environ.get("RECONCILE_SCHEDULE") or "0 2 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d"
    ),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    params={name: Param(None, type=["null", "string"]) for name in ("day", "from", "to", "as_of")},
    default_args=TASK,
)
def nightly_reconciliation() -> None:
    reconciliation()


nightly_reconciliation()
