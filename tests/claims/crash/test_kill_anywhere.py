"""A run killed at any write, fsync, rename or commit, and run again, publishes what an undisturbed run publishes.

The points come from tracing a run. Here: of landing, resolution and publishing the first of equal calls on files of one kind, and by
``make long`` the first and the last of the hundreds inside dbt and the embedded database; ``python -m tests.claims.crash.sweep`` kills at all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconcilers.ingest.metering import ENTITIES
from tests import AT_LENGTH
from tests.claims.crash.sweep import UNTRACEABLE

ROOT = Path(__file__).parents[3]
#: Every kill of a build takes two whole dbt runs; test_partitions.py kills one between two days.
STEPS = ("land", "publish", "build") if AT_LENGTH else ("land", "publish")
#: What kills a build traces dbt from its start.
pytestmark = [pytest.mark.usefixtures("dbt_of_its_own")] if "build" in STEPS else []


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the sweep printed, one line per kill and one per step."""
    command = [sys.executable, "-m", "tests.claims.crash.sweep", str(tmp_path_factory.mktemp("crash"))]
    command += [*STEPS, "--thin", "--points=2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == UNTRACEABLE:
        pytest.skip(f"no run can be killed at its system calls here: {done.stderr}")
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def kills(told: list[dict[str, Any]], step: str) -> list[dict[str, Any]]:
    (found,) = [line for line in told if line["step"] == step and "chosen" in line]
    killed = [line for line in told if line["step"] == step and "point" in line]
    assert len(killed) == found["chosen"]
    return killed


@pytest.mark.parametrize("step", STEPS)
def test_running_again_gives_the_same(told: list[dict[str, Any]], step: str) -> None:
    assert [(kill["point"], kill["problem"]) for kill in kills(told, step) if kill["problem"]] == []


def test_the_kills_hit_every_kind_of_commit(told: list[dict[str, Any]]) -> None:
    hit = {
        (kill["point"].split()[0], kill["point"].split()[1].split("/")[0])
        for step in STEPS
        for kill in kills(told, step)
    }
    assert hit >= {
        ("rename", "landing"),
        ("fsync", "landing"),
        ("write", "lake"),
        ("rename", "lake"),
        ("symlink", "published"),
        ("rename", "published"),
        ("unlinkat", "published"),
    } | ({("write", "store")} if AT_LENGTH else set())


def test_the_kills_hit_every_file_that_is_made_of_calls(told: list[dict[str, Any]]) -> None:
    hit = {Path(kill["point"]).stem for kill in kills(told, "land")}
    assert hit >= {"calls", "emitters", "resolved_calls", "resolved_tellings", *ENTITIES}


@pytest.mark.parametrize("step", STEPS[1:])
def test_somebody_read_all_the_while(told: list[dict[str, Any]], step: str) -> None:
    assert all(kill["reads"] > 1 for kill in kills(told, step))
