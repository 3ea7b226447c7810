"""What every task shares: a run's period and knowledge cut-off, credentials, retries by class of error, what a landing told."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection, Param
from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryRule
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException
from alerts import Alert

if TYPE_CHECKING:
    from types import ModuleType

    from reconcilers.declared.settings import Settings
    from reconcilers.periods import Period
    from reconcilers.pipeline import LandingReport
    from reconcilers.runs import Entry, Ledger

log = logging.getLogger("airflow.task")

#: What passes is tried again, at Airflow's own delay but for what is known to take longer; `step` ends the rest at once.
TASK: dict[str, Any] = {
    "owner": "reconcile",
    "retries": 3,
    "retry_exponential_backoff": 2.0,
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule("reconcilers.errors.PeriodIncomplete", retry_delay=timedelta(hours=1)),
            RetryRule("reconcilers.errors.Busy", retry_delay=timedelta(minutes=5)),
        ]
    ),
    "execution_timeout": timedelta(hours=4),
    "on_failure_callback": Alert(),
}
#: Environment variables of Amazon's client and what of the Airflow connection `aws_default` they take.
_AWS = {"AWS_ACCESS_KEY_ID": "login", "AWS_SECRET_ACCESS_KEY": "password"}


def plan(params: Any = None, dag_run: Any = None) -> dict[str, str]:
    """First day, last day and ``as_of`` of the run, decided once, so that a retried task gets the same."""
    first, last = params["from"], params["to"]
    if not (first or last):
        first = last = dag_run.partition_key or params["day"]
    if not (first and last):
        raise AirflowFailException("give parameter day, or from and to; only a scheduled run has a partition key")
    # Not run_after: a backfill's is the day itself, when what is fetched now was not known yet.
    as_of = params["as_of"] or dag_run.start_date.replace(microsecond=0).isoformat()
    run = {
        "id": f"{dag_run.dag_id} {dag_run.run_id}",
        "from": first,
        "to": last,
        "as_of": as_of,
        "as_of_by": "parameter" if params["as_of"] else "start",
        "reason": params.get("reason") or "",
    }
    with step(run) as (_, settings, period, known_at):
        ledger(settings).begin(run["id"], dag_run.dag_id, period, known_at, run["reason"])
    with step(run) as (_, settings, period, known_at), row(run, settings):
        if period.end > known_at.date():
            raise AirflowFailException(
                f"{last} is not over at {as_of} UTC: run it the day after; a scheduled run says the scheduler's clock is ahead"
            )
        return run


@contextmanager
def step(run: dict[str, str]) -> Iterator[tuple[ModuleType, Settings, Period, datetime]]:
    """The pipeline with the run's settings, period and ``as_of``; an error that needs a person is not tried again."""
    from reconcilers import pipeline
    from reconcilers.configured import credentials
    from reconcilers.declared.settings import read_settings
    from reconcilers.errors import ReconcileError
    from reconcilers.periods import Period, parse_day, parse_instant

    try:
        period = Period(parse_day(run["from"]), parse_day(run["to"]) + timedelta(days=1))
        as_of = parse_instant(run["as_of"])
    except ValueError as error:
        raise AirflowFailException(f"parameters of the run: {error}") from error
    try:
        settings = read_settings()
        take_credentials(credentials(settings))
        yield pipeline, settings, period, as_of
    except ReconcileError as error:
        if error.retryable:
            raise
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


def ledger(settings: Settings) -> Ledger:
    from reconcilers.runs import Ledger

    return Ledger(settings.path(settings.home))


def row(run: dict[str, str], settings: Settings) -> AbstractContextManager[Entry]:
    """The run's row in the ledger, while a task works on it."""
    return ledger(settings).working(run["id"])


def knowing(run: dict[str, str], settings: Settings) -> datetime:
    """The ``as_of`` to build at: the run's own, where somebody gave it; else never less than the published tables know."""
    from reconcilers.periods import parse_instant
    from reconcilers.warehouses.choice import warehouse_of

    as_of, published = parse_instant(run["as_of"]), warehouse_of(settings).current()
    if published is None or run["as_of_by"] == "parameter":
        return as_of
    return max(as_of, parse_instant(published.facts["as_of"]))


def progress() -> Callable[[int, int, str], None]:
    """Where a build is, in the log every ten seconds and at its end."""
    told = time.monotonic()

    def advance(done: int, total: int, name: str) -> None:
        nonlocal told
        # The hook before the models is the first of one.
        if done == total > 1 or time.monotonic() - told > 10:
            told = time.monotonic()
            log.info("build: %s of %s done, %s the last", done, total, name)

    return advance


def take_credentials(variables: list[str]) -> None:
    """Set what the sources read from the environment and is not there from Airflow's connections.

    The password of the connection named as the variable, in lower case; Amazon's keys are those of ``aws_default``.
    """
    wanted = {name: ("aws_default", _AWS[name]) if name in _AWS else (name.lower(), "password") for name in variables}
    for variable, (connection, part) in wanted.items():
        if not os.environ.get(variable):
            try:
                os.environ[variable] = getattr(Connection.get(connection), part) or ""
            except AirflowNotFoundException:
                log.debug("no connection %s for %s", connection, variable)


def tell(report: LandingReport, period: Period, ti: Any) -> None:
    """Log what a landing did and leave it for ``reconcile``; then fail if a unit failed, for good or to be tried again."""
    from reconcilers.errors import SourceRejected, SourceUnavailable

    ti.xcom_push("report", asdict(report))
    log.info("%s: %s units pulled, %s of them new", report.source, report.units, report.news)
    for entity, rows in sorted(report.rows.items()):
        log.info("%s: %s rows of %s", report.source, rows, entity)
    for currency, cost in sorted(report.billed_cost.items()):
        log.info("%s, %s: billed %s %s", report.source, period, cost, currency)
    for currency, more in sorted(report.restated.items()):
        log.info("%s, %s: what was known before is billed %s %s more", report.source, period, more, currency)
    for warning in report.warnings:
        log.warning("%s: %s", report.source, warning)
    if report.failures:
        raise (SourceUnavailable if report.retryable else SourceRejected)("; ".join(report.failures))


def reports(ti: Any) -> list[LandingReport]:
    """What the landings of this run told, those that failed included; of a source that was asked again, what it told then."""
    from reconcilers.pipeline import LandingReport

    told = ti.xcom_pull(task_ids=["land_reference", "land", "land_late"], key="report")
    return list({report["source"]: LandingReport(**report) for report in told if report}.values())


def days(run: dict[str, str]) -> list[str]:
    """The days a run is about, as its partitions are named."""
    first, last = (datetime.fromisoformat(run[name]).replace(tzinfo=UTC) for name in ("from", "to"))
    return [f"{first + timedelta(days=number):%Y-%m-%d}" for number in range((last - first).days + 1)]


def day(description: str, required: bool = False) -> Param:
    """A parameter that is a UTC day, which Airflow's form picks from a calendar."""
    if required:
        return Param(type="string", format="date", description=description)
    return Param(None, type=["null", "string"], format="date", description=description)


#: Parameter ``as_of`` of a run.
AS_OF = Param(
    None,
    type=["null", "string"],
    description="Knowledge cut-off, UTC, such as 2026-10-03T06:00:00; left empty, the start of the run.",
)
