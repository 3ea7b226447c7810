"""The DAGs: what they consist of, which days a run is about, what is tried again. `test_scheduler.py` runs them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reconcilers import errors
from reconcilers.declared.settings import read_settings
from reconcilers.runs import Ledger
from tests.test_alerts import ALERT, publish

DAGS = Path(__file__).parents[2] / "dags"
RANGE = {"from": "2026-01-01", "to": "2026-10-01"}


def airflow_environment(home: Path) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore",
    }


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Airflow reads its environment when first imported, so nothing in this file imports it at the top."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in airflow_environment(tmp_path_factory.mktemp("airflow")).items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(DAGS))
        from airflow.dag_processing.dagbag import DagBag

        yield DagBag(str(DAGS))


@pytest.fixture(scope="module")
def nightly(bag: Any) -> Any:
    return bag.dags["nightly_reconciliation"]


@pytest.fixture(scope="module")
def run_steps(bag: Any) -> Any:
    import run_steps

    return run_steps


def test_four_dags_and_no_import_error(bag: Any) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == {"nightly_reconciliation", "replay_period", "hourly_cost_watch", "weekly_review"}


def test_each_fits_a_screen_and_tells_what_to_do(bag: Any) -> None:
    for name, dag in bag.dags.items():
        assert len((DAGS / f"{name}.py").read_text().splitlines()) < 60
        assert "failed" in dag.doc_md
        assert {task.task_id for task in dag.tasks if not task.on_failure_callback} <= {"every_source_landed"}


def test_tasks_and_what_they_wait_for(nightly: Any) -> None:
    assert {task.task_id: task.upstream_task_ids for task in nightly.tasks} == {
        "plan": set(),
        "sources": {"plan"},
        "land_reference": {"plan"},
        "land": {"plan", "sources"},
        "reconcile": {"plan", "land_reference", "land"},
        "late_sources": {"plan", "sources", "reconcile"},
        "land_late": {"plan", "late_sources"},
        "reconcile_late": {"plan", "land_late"},
        "every_source_landed": {"plan", "sources", "reconcile", "reconcile_late"},
    }


def test_a_failed_landing_does_not_stop_the_others(nightly: Any) -> None:
    rules = {task.task_id: task.trigger_rule.value for task in nightly.tasks}
    assert {rules.pop(name) for name in ("reconcile", "reconcile_late")} == {"all_done_min_one_success"}
    assert rules.pop("every_source_landed") == "all_done"
    assert set(rules.values()) == {"all_success"}


def test_one_writer_and_backed_off_retries(nightly: Any) -> None:
    assert {task.task_id: task.pool for task in nightly.tasks if task.pool != "default_pool"} == {
        "reconcile": "reconcile_writer",
        "reconcile_late": "reconcile_writer",
    }
    retries = {task.task_id: (task.retries, task.retry_exponential_backoff) for task in nightly.tasks}
    # A source is asked once before the others are published.
    assert retries.pop("land") == (0, 2.0)
    assert set(retries.values()) == {(3, 2.0)}
    assert (nightly.max_active_runs, nightly.catchup) == (3, False)
    assert set(nightly.params) == {"day", "from", "to", "as_of"}


def test_a_replay_is_the_same_tasks_and_tells_why(bag: Any, nightly: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    replay = bag.dags["replay_period"]
    assert replay.task_dict.keys() == nightly.task_dict.keys()
    with pytest.raises(ParamValidationError):
        replay.params.validate()


def test_the_partition_key_is_the_day_before(nightly: Any) -> None:
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction
    from pendulum import datetime as instant

    timetable = coerce_to_core_timetable(nightly.timetable)
    restriction = TimeRestriction(instant(2026, 9, 30, 12), None, True)
    info = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    assert (info.run_after, info.partition_key) == (instant(2026, 10, 1, 2), "2026-09-30")
    backfill = timetable.iter_partition_dagrun_infos(earliest=instant(2026, 9, 29), latest=instant(2026, 10, 1, 23, 59))
    assert [info.partition_key for info in backfill] == ["2026-09-29", "2026-09-30", "2026-10-01"]


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reconcile.yaml").write_text("{}")
    monkeypatch.setenv("RECONCILE_CONFIG", str(tmp_path / "reconcile.yaml"))


def asked(run_steps: Any, key: str | None = None, **given: str) -> dict[str, str]:
    started = datetime(2026, 10, 5, 6, 7, 8, 9, tzinfo=UTC)
    run = SimpleNamespace(partition_key=key, start_date=started, dag_id="nightly", run_id="one")
    planned: dict[str, str] = run_steps.plan({name: given.get(name) for name in ("day", "from", "to", "as_of")}, run)
    return planned


@pytest.mark.usefixtures("configured")
def test_which_days_a_run_is_about(run_steps: Any) -> None:
    start = "2026-10-05T06:07:08+00:00"
    same = {"id": "nightly one", "as_of": start, "as_of_by": "start", "reason": ""}
    day = {**same, "from": "2026-09-30", "to": "2026-09-30"}
    assert asked(run_steps, "2026-09-30") == day
    assert asked(run_steps, None, day="2026-09-30") == day
    assert asked(run_steps, "2026-09-30", **RANGE) == {**same, **RANGE}
    assert run_steps.days(day) == ["2026-09-30"]
    assert len(run_steps.days(RANGE)) == 274
    given = {"as_of": "2026-10-03T00:00:00", "as_of_by": "parameter"}
    assert asked(run_steps, "2026-09-30", as_of="2026-10-03T00:00:00") == {**day, **given}


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "give parameter day"),
        ({"from": "2026-09-01"}, "give parameter day"),
        ({"day": "soon"}, "Invalid isoformat"),
        ({"from": "2026-09-02", "to": "2026-08-31"}, "empty period"),
        ({"day": "2026-09-01", "as_of": "now"}, "Invalid isoformat"),
        ({"day": "2026-10-05"}, "2026-10-05 is not over at 2026-10-05T06:07:08"),
    ],
)
def test_a_run_about_no_days_fails_for_good(run_steps: Any, given: dict[str, str], told: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=told):
        asked(run_steps, None, **given)


@pytest.mark.usefixtures("configured")
def test_a_run_that_is_refused_is_a_row(run_steps: Any, tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException):
        asked(run_steps, None, day="2026-10-05")
    (run,) = Ledger(tmp_path / "var").runs()
    assert (run.run_id, run.command, run.period, run.result) == ("nightly one", "nightly", "2026-10-05", "failed")
    assert run.error is not None
    assert "is not over" in run.error


def test_an_alert_is_no_longer_than_a_person_reads(bag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import alerts
    import apprise

    sent: list[str] = []
    monkeypatch.setenv("RECONCILE_ALERTS", "json://nowhere.invalid")
    monkeypatch.setattr(apprise.Apprise, "notify", lambda _, body, **__: sent.append(body))
    alerts.send("too much", [f"line {number}" for number in range(30)])
    alerts.send("enough", [f"line {number}" for number in range(20)])
    assert [len(body.splitlines()) for body in sent] == [20, 20]
    assert sent[0].splitlines()[-1] == "and 11 more lines; the task's log has them"


def test_each_alert_of_money_is_a_message_once_and_a_flood_is_one(
    bag: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import alerts
    import apprise

    (tmp_path / "reconcile.yaml").write_text("home: var\n")
    settings = read_settings(tmp_path / "reconcile.yaml")
    publish(tmp_path / "var" / "watch", *({**ALERT, "alert_id": f"a{number}"} for number in range(12)))
    sent: list[tuple[str, str]] = []
    monkeypatch.setenv("RECONCILE_ALERTS", "json://nowhere.invalid")
    monkeypatch.setattr(apprise.Apprise, "notify", lambda _, title, body, **__: sent.append((title, body)))
    alerts.send_news(settings, "watch")
    assert [title[:9] for title, _ in sent] == ["critical:"] * 10 + ["more aler"]
    assert "\n5. One guardrail." in sent[0][1]
    assert len(sent[-1][1].splitlines()) == 2
    alerts.send_news(settings, "watch")
    assert len(sent) == 11


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("error", errors.ReconcileError.__subclasses__())
def test_retries_follow_the_class_of_the_error(run_steps: Any, error: type[errors.ReconcileError]) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    waits = error in (errors.SourceUnavailable, errors.PeriodIncomplete, errors.Busy)
    with (
        pytest.raises(error if waits else AirflowFailException, match="no luck"),
        run_steps.step({**RANGE, "as_of": "2026-10-05"}),
    ):
        raise error("no luck")
