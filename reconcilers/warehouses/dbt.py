"""One dbt start per run, as a subprocess: an in-process dbt would keep DuckDB's lock and leave data uncheckpointed.

The executable is configurable so that dbt can live in an environment of its own; where settings name none,
``RECONCILE_DBT_EXECUTABLE`` may. Its JSON log drives the progress callback and the error message, and stays beside the
run's other artefacts.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from reconcilers.errors import DoesNotReconcile, ReconcileError
from reconcilers.periods import Period
from reconcilers.warehouses.base import Column, Table

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"

LOG = "dbt.log"

#: (nodes done, nodes in all, name of the node that finished)
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class NodeRun:
    """One node of a build: its unique id, how it ended and how long its SQL ran in seconds."""

    unique_id: str
    status: str
    seconds: float


@dataclass
class Build:
    """What a dbt command did: every node that ran, the messages of those that failed, and the rows that audits found."""

    nodes: list[NodeRun] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)


def build(
    *,
    artefacts: Path,
    environment: Mapping[str, str],
    as_of: datetime,
    variables: Mapping[str, object],
    watched: Period | None = None,
    executable: str | None = None,
    progress: Progress | None = None,
) -> Build:
    """Run ``dbt build`` of the finance tables, or of the hourly watch over some days; artefacts (compiled SQL, log) go to ``artefacts``.

    Raises ``DoesNotReconcile`` when a test failed and ``ReconcileError`` when a model or dbt itself did.
    """
    artefacts.mkdir(parents=True, exist_ok=True)
    command = [
        *_dbt(executable),
        "--log-format=json",
        "--log-level=info",
        "--no-use-colors",
        # dbt makes a line for its file of every event, shown or not; we keep what it shows.
        "--log-level-file=none",
        f"--log-path={artefacts}",
        "build",
        "--exclude-resource-type=unit_test",
        *(
            ["--select=+tag:watch", "--indirect-selection=cautious", "--exclude=tag:shape"]
            if watched
            # Generic tests are for stores that tests build: keys_are_told_once and its like say the same in fewer statements.
            else ["--exclude=tag:watch test_type:generic"]
        ),
        *_project(artefacts, variables),
    ]
    told = _told(as_of)
    if watched:
        told |= {"RECONCILE_WATCHED_FROM": f"{watched.start}", "RECONCILE_WATCHED_UNTIL": f"{watched.end}"}
    result = Build()
    spoken: list[str] = []
    with (
        (artefacts / LOG).open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **_started(artefacts, {**environment, **told}),
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        ) as running,
    ):
        assert running.stdout is not None
        for line in running.stdout:
            log.write(line)
            _hear(line, result, spoken, progress)
    if running.returncode:
        _raise(result, spoken, artefacts)
    return result


def described() -> dict[str, Table]:
    """Finance table → what the project says of it and of each of its columns."""
    found = {}
    for path in sorted((PROJECT / "models" / "marts").rglob("*.yml")):
        for model in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader).get("models", ()):
            columns = [Column(told["name"], told["data_type"], told["description"]) for told in model["columns"]]
            found[model["name"]] = Table(model["name"], model["description"], columns, _key(model))
    return found


def _key(model: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns by which a model's tests tell its rows apart."""
    for test in model.get("data_tests", ()):
        if isinstance(test, dict) and "key" in test:
            return tuple(test["key"]["arguments"]["columns"])
    return tuple(column["name"] for column in model["columns"] if "unique" in column.get("data_tests", ()))[:1]


def by_hand(
    arguments: Sequence[str],
    *,
    artefacts: Path,
    environment: Mapping[str, str],
    as_of: datetime,
    variables: Mapping[str, object],
    executable: str | None = None,
) -> int:
    """Run a dbt command of one's own over the store as the last build left it. Returns dbt's exit code; it speaks for itself."""
    artefacts.mkdir(parents=True, exist_ok=True)
    command = [*_dbt(executable), *arguments, *_project(artefacts, variables), f"--log-path={artefacts}"]
    return subprocess.run(command, check=False, **_started(artefacts, {**environment, **_told(as_of)})).returncode


def _dbt(executable: str | None) -> list[str]:
    executable = executable or os.environ.get("RECONCILE_DBT_EXECUTABLE")
    if executable is None:
        return [sys.executable, "-m", "dbt.cli.main"]
    return [os.path.abspath(executable) if os.sep in executable else executable]


def _started(artefacts: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Where dbt starts, and in which environment.

    dbt parses its whole project again, which takes seconds, when the profile reads differently: where the warehouse is files, they
    are told relative to where dbt starts, so that a store may stand anywhere.
    """
    paths = {name: os.path.relpath(value, artefacts) for name, value in environment.items() if os.path.isabs(value)}
    return {"cwd": artefacts if paths else None, "env": {**os.environ, **environment, **paths}}


def _project(artefacts: Path, variables: Mapping[str, object]) -> list[str]:
    return [
        f"--project-dir={PROJECT}",
        f"--profiles-dir={PROJECT}",
        f"--target-path={artefacts}",
        f"--vars={json.dumps({**variables, 'recipe': recipe(variables)}, sort_keys=True)}",
    ]


def _told(as_of: datetime) -> dict[str, str]:
    return {"RECONCILE_AS_OF": f"{as_of:%Y-%m-%d %H:%M:%S}", "DBT_SEND_ANONYMOUS_USAGE_STATS": "0"}


def recipe(variables: Mapping[str, object]) -> str:
    """Identity of how the tables are made: the project's text and its variables.

    Partitions made by another recipe are made again.
    """
    digest = hashlib.sha256(json.dumps(variables, sort_keys=True).encode())
    for folder in ("macros", "models", "seeds"):
        for path in sorted((PROJECT / folder).rglob("*")):
            if path.suffix in (".sql", ".yml", ".csv"):
                digest.update(path.read_bytes())
    digest.update((PROJECT / "dbt_project.yml").read_bytes())
    return digest.hexdigest()[:16]


def audits() -> str:
    """Identity of the audits' text, which makes no table and judges them all."""
    digest = hashlib.sha256()
    for path in sorted((PROJECT / "tests").rglob("*.sql")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


_LIBC = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies: a killed run must not leave a dbt that holds the store."""
    set_parent_death_signal = 1
    _LIBC.prctl(set_parent_death_signal, signal.SIGKILL)


def _hear(line: str, result: Build, spoken: list[str], progress: Progress | None) -> None:
    """Take one line of dbt's log."""
    try:
        event = json.loads(line)
        info, told = event["info"], event.get("data", {})
    except (ValueError, KeyError, TypeError):
        spoken.append(line.rstrip())
        return
    if info.get("level") in ("error", "warn"):
        spoken.append(info.get("msg", ""))
    if info.get("name") == "RunResultError" or info.get("name") == "RunResultFailure":
        result.failures.append(info.get("msg", ""))
    if info.get("name") == "JinjaLogWarning":  # macros/audits.sql says by it what an audit found
        result.found.append(info.get("msg", ""))
    if info.get("name") in ("LogModelResult", "LogTestResult", "LogSeedResult", "LogNodeResult", "LogHookEndLine"):
        node = told.get("node_info", {})
        status = str(told.get("status", node.get("node_status", "")))
        result.nodes.append(NodeRun(node.get("unique_id", "?"), status, float(told.get("execution_time", 0))))
        if progress:
            progress(int(told.get("index", 0)), int(told.get("total", 0)), node.get("node_name", "?"))


def _raise(result: Build, spoken: list[str], artefacts: Path) -> None:
    failed = [node for node in result.nodes if node.status.lower() in ("fail", "error")]
    tests = [node for node in failed if node.unique_id.startswith("test.")]
    hint = f"read {artefacts / LOG}; the published tables are unchanged"
    if failed and len(tests) == len(failed):
        names = ", ".join(sorted(node.unique_id.split(".")[2] for node in tests))
        detail = " | ".join(result.found or result.failures)
        raise DoesNotReconcile(f"the audit failed: {names}: {detail:.2000}", hint=hint)
    detail = " | ".join(result.failures or spoken[-12:])
    raise ReconcileError(f"the build failed: {detail:.4000}", hint=hint)
