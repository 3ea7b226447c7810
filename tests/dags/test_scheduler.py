"""The DAGs under a real scheduler: scheduled, backfilled, interrupted, alarming, and waited for by a DAG of somebody else's.

What runs is `docker-compose.yml`: its services' commands with their environments, from what its image would hold, as
processes of their own, with the sample company and its providers. Only the containers are missing, and the credentials
are in Airflow's connections, not in `.env`. The days of the company end yesterday, so that the run the scheduler starts by
itself has something to reconcile.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import httpx
import psutil
import pytest
import yaml

from reconcilers.declared.settings import read_settings
from reconcilers.periods import Period, parse_instant
from reconcilers.runs import IN_PART, PUBLISHED, Ledger, Run
from reconcilers.sample_company.providers.server import CREDENTIALS, KNOWN_AT
from reconcilers.warehouses.base import keep_candidate
from reconcilers.warehouses.duckdb import Store, Version
from tests import AT_LENGTH
from tests.claims.published_tables import differences
from tests.claims.scenarios.nights import build, land
from tests.dags.airflow_processes import PROCESSES, Airflow, airflow, free_port, wait_for
from tests.deployment.compose import Composed, copy_of_image

NIGHTLY, REPLAY, WATCH = "nightly_reconciliation", "replay_period", "hourly_cost_watch"
#: The night began six hours ago, whatever the hour is: no other begins while the tests run, and midnight is no edge.
_NIGHT = datetime.now(UTC) - timedelta(hours=6)
#: The day of the run that the scheduler starts by itself.
LAST = _NIGHT.date() - timedelta(days=1)
#: How many days are backfilled.
DAYS = 14 if AT_LENGTH else 2
FIRST = LAST - timedelta(days=DAYS)
#: Somebody else's: it wants the day's tables and says which day it got.
DOWNSTREAM = Path(__file__).parents[2] / "docs" / "examples" / "monthly_pack.py"
#: What `.env` says. The keys of the providers are not in it: every credential is Airflow's to keep.
KEYS = {
    "RECONCILE_SCHEDULE": f"0 {_NIGHT.hour} * * *",
    "POSTGRES_PASSWORD": "not asked for on a socket",
    "AIRFLOW_JWT_SECRET": "a secret that the processes of this test share",
    "AIRFLOW_FERNET_KEY": b64encode(b"thirty-two bytes that encrypt it").decode(),
}
CONNECTIONS = {
    **{
        f"AIRFLOW_CONN_{name}": {"conn_type": "generic", "password": key}
        for name, key in CREDENTIALS.items()
        if not name.startswith("AWS_")
    },
    "AIRFLOW_CONN_AWS_DEFAULT": {
        "conn_type": "aws",
        "login": CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "password": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    },
}


#: Sources that Airflow lands here: a task each, and what a source is makes no difference to it.
SOURCES = {
    "billing": ("openai", "anthropic", "aws", "vectors"),
    "invoices": ("openai_invoices", "aws_invoices"),
    "telemetry": ("traces", "outcomes"),
}


class World:
    """The company and Airflow; OpenAI's answers pass through a door that can be shut."""

    def __init__(self, company: Path, image: Path, running: Airflow, messages: list[dict[str, Any]], door: Any) -> None:
        self.company, self.image, self.airflow, self.messages, self.door = company, image, running, messages, door
        self.settings = read_settings(company / "reconcile.yaml")

    @property
    def published(self) -> Version:
        version = Store(self.settings.path(self.settings.home)).current()
        assert version is not None
        return version

    def triggered(self, dag: str, seconds: float = 240, **conf: str) -> dict[str, Any]:
        """A run started by hand, once it ended."""
        return self.airflow.ended(dag, self.start(dag, **conf), seconds)

    def start(self, dag: str, **conf: str) -> str:
        run_id: str = self.airflow.post(f"/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
        return run_id

    def tries(self, dag: str, run_id: str, task: str, source: str | None = None) -> tuple[int, str]:
        """How often one task was tried, and its state; of a source's, by the name Airflow shows it under."""
        for ti in self.airflow.tasks(dag, run_id):
            if ti["task_id"] == task and (source is None or ti["rendered_map_index"] == source):
                return ti["try_number"], ti["state"]
        return 0, ""

    def something_to_build(self) -> None:
        """Nothing known changes in these tests, and then dbt is not started."""
        keep_candidate(Store(self.settings.path(self.settings.home)).folder, None)

    def row(self, dag: str, run_id: str) -> Run:
        """A run's row in the ledger."""
        runs = Ledger(self.settings.path(self.settings.home)).runs()
        return next(run for run in runs if run.run_id == f"{dag} {run_id}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("scheduler")
    volume, image, company = folder / "volumes", folder / "image", folder / "volumes" / "company" / "sample"
    for made in (company.parent, image, folder / "home"):
        made.mkdir(parents=True)
    copy_of_image(image)
    shutil.copy(DOWNSTREAM, image / "dags")
    port, messages, door = free_port(), [], SimpleNamespace(shut=False)
    moved = {
        "/srv/reconcile": f"{volume}",
        "/opt/reconcile": f"{image}",
        "8090": f"{port}",
        "providers": "localhost",
    }
    process = {"HOME": f"{folder / 'home'}", "PYTHONPATH": f"{image}"}
    sampled, providers = Composed("sample", KEYS, moved), Composed("providers", KEYS, moved)
    sampled.run(sampled.command, image, **process)
    log = (folder / "providers.log").open("ab")
    with (
        subprocess.Popen(
            providers.command, cwd=image, env=providers.environment | process, stdout=log, stderr=log
        ) as serving,
        served(_mailbox(messages)) as mailbox,
        served(_door(door, f"http://localhost:{port}")) as openai,
    ):
        try:
            wait_for("the providers", lambda: answers(f"http://localhost:{port}{KNOWN_AT}"), seconds=60)
            providers.run(providers.healthcheck, image, **process)
            settings = company / "reconcile.yaml"
            told = yaml.safe_load(settings.read_text().replace(f"http://localhost:{port}\n", f"http://{openai}\n"))
            for room, kept in SOURCES.items():
                told[room] = [source for source in told[room] if source["name"] in kept]
            settings.write_text(yaml.safe_dump(told))
            connections = {name: json.dumps(connection) for name, connection in CONNECTIONS.items()}
            given = {**KEYS, "RECONCILE_ALERTS": f"json://{mailbox}/"}
            with airflow(volume / "airflow", given, moved, **process, **connections) as running:
                running.start()
                yield World(company, image, running, messages, door)
        finally:
            serving.terminate()


@pytest.fixture(scope="module")
def scheduled(world: World) -> dict[str, Any]:
    """The run the scheduler starts by itself."""
    run = wait_for("the scheduled run", lambda: world.airflow.runs(NIGHTLY), seconds=60)[0]
    return world.airflow.ended(NIGHTLY, run["dag_run_id"], seconds=600)


@pytest.fixture(scope="module")
def backfilled(world: World, scheduled: dict[str, Any]) -> list[dict[str, Any]]:
    """Days asked for on the command line, and a second time while the first is running."""
    assert scheduled["state"] == "success"
    command = ["backfill", "create", "--dag-id", NIGHTLY, "--max-active-runs", "1"]
    command += ["--from-date", f"{FIRST}", "--to-date", f"{LAST - timedelta(days=1)}T23:59:59"]
    world.airflow.command(*command)
    with pytest.raises(AssertionError, match="AlreadyRunningBackfill"):
        world.airflow.command(*command)

    def ended() -> list[dict[str, Any]] | None:
        runs = [run for run in world.airflow.runs(NIGHTLY) if run["run_type"] == "backfill"]
        return runs if len(runs) == DAYS and all(run["state"] in ("success", "failed") for run in runs) else None

    found: list[dict[str, Any]] = wait_for("the backfill", ended, seconds=900)
    return found


@pytest.mark.slow
def test_a_scheduled_run_publishes_the_last_night(world: World, scheduled: dict[str, Any]) -> None:
    assert (scheduled["run_type"], scheduled["state"], scheduled["partition_key"]) == (
        "scheduled",
        "success",
        f"{LAST}",
    )
    assert str(Period.of_day(LAST)) in {
        json.loads(path.read_text())["period"]
        for path in world.settings.path(world.settings.home).glob("published/versions/*/run.json")
    }
    told = world.airflow.log_of(NIGHTLY, scheduled["dag_run_id"], "land")
    assert f"openai, {LAST}: billed " in told
    assert " rows of calls" in told
    assert "difference 0.000000000" in world.airflow.log_of(NIGHTLY, scheduled["dag_run_id"], "reconcile")


@pytest.mark.slow
@pytest.mark.usefixtures("scheduled")
@pytest.mark.parametrize("name", PROCESSES)
def test_every_service_is_healthy_and_says_so(world: World, name: str) -> None:
    world.airflow.check(name)


@pytest.mark.slow
@pytest.mark.skipif(not AT_LENGTH, reason="make long: minutes of Airflow; ranges are tested without a scheduler, too")
def test_days_backfilled_are_one_range(world: World, backfilled: list[dict[str, Any]], tmp_path: Path) -> None:
    assert {run["state"] for run in backfilled} == {"success"}
    assert {run["partition_key"] for run in backfilled} == {
        f"{FIRST + timedelta(days=number)}" for number in range(DAYS)
    }
    published = world.published
    settings = world.settings.model_copy(update={"home": tmp_path / "var"})
    as_of, period = parse_instant(published.facts["as_of"]), Period(FIRST, LAST + timedelta(days=1))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        land(settings, period, as_of)
    # The run that the scheduler began by itself asked for a day of another month, too, and the range did not (R34).
    asked = ("fct_completeness:", "'source_missing'")
    found = differences(published, build(settings, period, as_of))
    assert [one for one in found if not any(word in one for word in asked)] == []


@pytest.mark.slow
@pytest.mark.skipif(
    not AT_LENGTH, reason="make long: minutes of Airflow; tests/dags/test_dags.py has the order of tasks"
)
@pytest.mark.usefixtures("backfilled")
def test_a_source_that_answers_late_holds_nobody_back(world: World) -> None:
    before = world.published
    world.door.shut = True
    run_id = world.start(NIGHTLY, day=f"{LAST}")
    wait_for("the third try", lambda: world.tries(NIGHTLY, run_id, "land_late", "openai")[0] == 3, seconds=600)
    without = world.published
    assert without.folder != before.folder
    assert {line.split(":")[0] for line in without.facts["failed_units"]} == {"source openai"}
    assert world.row(NIGHTLY, run_id).result == IN_PART
    world.door.shut = False
    assert world.airflow.ended(NIGHTLY, run_id, seconds=600)["state"] == "success"
    assert world.tries(NIGHTLY, run_id, "land", "openai") == (1, "failed")
    assert world.tries(NIGHTLY, run_id, "land_late", "openai") == (3, "success")
    assert world.tries(NIGHTLY, run_id, "land", "aws") == (1, "success")
    assert world.published.folder != without.folder
    assert world.published.facts["failed_units"] == []
    assert world.row(NIGHTLY, run_id).result == PUBLISHED


@pytest.mark.slow
@pytest.mark.skipif(not AT_LENGTH, reason="make long: two minutes; killed builds are tested without Airflow, too")
@pytest.mark.usefixtures("backfilled")
def test_a_task_killed_while_it_builds_is_tried_again(world: World) -> None:
    """The run is a replay, so that what it says of itself is seen too."""
    before, reason = world.published, "the auditor asked"
    world.something_to_build()
    run_id = world.start(REPLAY, **{"from": f"{LAST}", "to": f"{LAST}", "reason": reason})
    os.kill(wait_for("dbt", lambda: parent_of_dbt(world.company), seconds=120), signal.SIGKILL)
    assert world.published.folder == before.folder
    assert world.airflow.ended(REPLAY, run_id, seconds=600)["state"] == "success"
    assert world.tries(REPLAY, run_id, "reconcile") == (2, "success")
    assert world.published.facts["reason"] == reason
    assert [
        path.read_text()
        for path in (world.settings.landing / "objects").glob("*/*")
        if path.stat().st_size == len(reason)
    ] == [reason]


@pytest.mark.slow
@pytest.mark.skipif(not AT_LENGTH, reason="make long: two minutes of waiting for Airflow alone")
@pytest.mark.usefixtures("backfilled")
def test_a_run_goes_on_once_a_lost_metadata_database_is_back(world: World) -> None:
    """Airflow's processes end without it; they are started again, as Compose does, and the run is not begun anew."""
    before = world.published
    world.something_to_build()
    run_id = world.start(NIGHTLY, day=f"{LAST}")
    wait_for("dbt", lambda: parent_of_dbt(world.company), seconds=120)
    with world.airflow.without_database():
        wait_for("a process to end", world.airflow.ended_processes, seconds=60)

    def state() -> str | None:
        world.airflow.start_again()
        found = world.airflow.get(f"/dags/{NIGHTLY}/dagRuns/{run_id}").get("state")
        return found if found in ("success", "failed") else None

    assert wait_for("the run", state, seconds=400) == "success"
    assert world.published.folder != before.folder


@pytest.mark.slow
@pytest.mark.usefixtures("scheduled")
def test_a_bad_bill_alerts_and_the_others_are_published(world: World) -> None:
    before = world.published
    revenue = next((world.company / "revenue").glob("*.csv"))
    text = revenue.read_text()
    header, line, *_ = text.splitlines()
    revenue.write_text(f'{header}\n"{line}\n')
    world.messages.clear()
    run = world.triggered(NIGHTLY, day=f"{LAST}")
    revenue.write_text(text)
    assert run["state"] == "failed"
    assert world.published.folder != before.folder
    message = next(message for message in world.messages if "failed" in message["title"])
    assert message["title"] == f"{NIGHTLY}: land accruals failed"
    assert f"file {revenue.name}, line 2" in message["message"]
    assert run["dag_run_id"] in message["message"]
    assert any(message["title"].startswith("to look at after") for message in world.messages)
    assert "published without what failed to land: accruals" in world.airflow.log_of(
        NIGHTLY, run["dag_run_id"], "every_source_landed"
    )


@pytest.mark.slow
@pytest.mark.skipif(not AT_LENGTH, reason="make long: minutes of Airflow; it waits for every day of a backfill")
def test_somebody_elses_dag_got_each_day_once_it_was_whole(world: World, backfilled: list[dict[str, Any]]) -> None:
    wanted = {f"{FIRST + timedelta(days=number)}" for number in range(DAYS + 1)}

    def got() -> bool:
        return {run["partition_key"] for run in world.airflow.runs("monthly_pack")} == wanted

    assert wait_for("runs of monthly_pack", got, seconds=60)

    def again() -> bool:
        return sum(run["partition_key"] == f"{LAST}" for run in world.airflow.runs("monthly_pack")) > before

    before = sum(run["partition_key"] == f"{LAST}" for run in world.airflow.runs("monthly_pack"))
    # Started by hand, the run has no key itself; what it updates has.
    assert world.triggered(NIGHTLY, day=f"{LAST}")["state"] == "success"
    assert wait_for("another run of monthly_pack", again, seconds=60)


@pytest.mark.slow
@pytest.mark.skipif(not AT_LENGTH, reason="make long: minutes of Airflow; the watch is tested without a scheduler, too")
@pytest.mark.usefixtures("backfilled")
def test_the_hourly_watch_estimates_the_hours_of_two_days(world: World) -> None:
    before = world.published.folder
    run = world.triggered(WATCH, hour=f"{LAST}T13:00")
    assert run["state"] == "success"
    watched = Store(world.settings.path(world.settings.home) / "watch").current()
    assert watched is not None
    days = "select distinct cast(hour as date) from finance.fct_cost_hourly order by 1"
    # What the nights landed is the history; the last day may hold what went on past midnight.
    assert {(LAST - timedelta(days=1),), (LAST,)} <= set(watched.ask(days).rows)
    assert watched.ask("select count(*) > 10, min(estimated_cost) > 0 from finance.fct_cost_hourly").rows == [
        (True, True)
    ]
    assert world.published.folder == before


@pytest.mark.slow
@pytest.mark.usefixtures("scheduled")
def test_nothing_is_written_beside_the_volumes(world: World, tmp_path: Path) -> None:
    """In the image every file belongs to root, and the job is not root."""
    copy_of_image(tmp_path)
    held = {path.relative_to(tmp_path) for path in tmp_path.rglob("*")} | {Path("dags/monthly_pack.py")}
    found = {path.relative_to(world.image) for path in world.image.rglob("*") if "__pycache__" not in path.parts}
    assert found == held


def answers(address: str) -> bool:
    try:
        return httpx.get(address).is_success
    except httpx.HTTPError:
        return False


def parent_of_dbt(company: Path) -> int | None:
    """The process that waits for the company's dbt."""
    for process in psutil.process_iter(["cmdline", "ppid"]):
        command = " ".join(process.info["cmdline"] or [])
        if "dbt.cli.main" in command and f"{company}" in command:
            return int(process.info["ppid"])
    return None


class served:
    """A small HTTP server while the block runs; its address."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        Thread(target=self.server.serve_forever, daemon=True).start()
        return f"127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def _mailbox(messages: list[dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Takes alerts as a webhook does."""

        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not logged."""

    return Handler


def _door(door: Any, openai: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """OpenAI, or what answers while it is down."""

        def do_GET(self) -> None:
            if door.shut:
                self._send(503, b"{}")
                return
            asked = urllib.request.Request(
                f"{openai}{self.path}", headers={"Authorization": self.headers["Authorization"]}
            )
            try:
                with urllib.request.urlopen(asked) as answer:
                    self._send(answer.status, answer.read())
            except HTTPError as error:
                self._send(error.code, error.read())

        def _send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not logged."""

    return Handler
