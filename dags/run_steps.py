"""What the tasks of a run share: its period and knowledge cut-off, retries by class of error, and what landing told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from types import ModuleType

    from reconcilers.periods import Period
    from reconcilers.pipeline import LandingReport
    from reconcilers.settings import Settings


def plan(params: Any = None, dag_run: Any = None) -> dict[str, str]:
    """First day, last day and ``as_of`` of the run, decided once, so that a retried task gets the same."""
    first, last = params["from"], params["to"]
    if not (first or last):
        first = last = dag_run.partition_key or params["day"]
    if not (first and last):
        raise AirflowFailException("give parameter day, or from and to; only a scheduled run has a partition key")
    # Not run_after: a backfill's is the day itself, when what is fetched now was not known yet.
    as_of = params["as_of"] or dag_run.start_date.replace(microsecond=0).isoformat()
    run = {"from": first, "to": last, "as_of": as_of}
    with step(run):
        return run


@contextmanager
def step(run: dict[str, str]) -> Iterator[tuple[ModuleType, Settings, Period, datetime]]:
    """The pipeline with the run's settings, period and ``as_of``; an error that needs a person is not tried again."""
    from reconcilers import pipeline
    from reconcilers.errors import ReconcileError
    from reconcilers.periods import Period, parse_day, parse_instant
    from reconcilers.settings import read_settings

    try:
        period = Period(parse_day(run["from"]), parse_day(run["to"]) + timedelta(days=1))
        as_of = parse_instant(run["as_of"])
    except ValueError as error:
        raise AirflowFailException(f"parameters of the run: {error}") from error
    try:
        yield pipeline, read_settings(), period, as_of
    except ReconcileError as error:
        if error.retryable:
            raise
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


def tell(report: LandingReport, ti: Any) -> None:
    """Leave what a landing did for ``reconcile``; then fail if a unit failed, for good or to be tried again."""
    from reconcilers.errors import SourceRejected, SourceUnavailable

    ti.xcom_push("report", asdict(report))
    if report.failures:
        raise (SourceUnavailable if report.retryable else SourceRejected)("; ".join(report.failures))


def reports(ti: Any) -> list[LandingReport]:
    """What the landings of this run told, those that failed included."""
    from reconcilers.pipeline import LandingReport

    told = ti.xcom_pull(task_ids=["land_reference", "land"], key="report")
    return [LandingReport(**report) for report in told if report]


def every_source_landed(sources: Sequence[str], ti: Any = None) -> None:
    """Fail the run when a landing failed, whatever it died of: the tables are published, but not from everything."""
    landings = {"land_reference": "reference", **{f"land_{number}": name for number, name in enumerate(sources)}}
    states = ti.get_task_states(ti.dag_id, run_ids=[ti.run_id])[ti.run_id]
    failed = [name for landing, name in landings.items() if states[landing] != "success"]
    if failed:
        raise AirflowFailException(f"published without what failed to land: {', '.join(failed)}")
