"""CONTRIBUTING's walk-through, performed: a made-up provider begun by a command, accepted, and landed over HTTP.

It is added to a copy of the checkout: one file and one folder, and nothing else is touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from reconcilers.errors import SettingsInvalid
from reconcilers.new_source import new_source
from tests.sources.conftest import Api

ROOT = Path(__file__).parents[2]
KIND = "made_up_ai"
#: What landing the fixture's answer for two days gives: rows per entity.
LANDED = {"billing": {"charges": 4}, "telemetry": {"calls": 4}, "revenue": {"revenue": 4}}
LAND = """
from datetime import date, datetime; from pathlib import Path
from reconcilers.declared.settings import read_settings; from reconcilers.periods import Period; from reconcilers.pipeline import land
report = land(read_settings(Path("reconcile.yaml")), "made_up", Period(date(2026, 9, 3), date(2026, 9, 5)), datetime(2026, 10, 5))
print(report.rows, report.billed_cost, report.failures)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a source is written in."""
    leave_out = shutil.ignore_patterns("__pycache__")
    for folder in ("reconcilers", "tests/sources"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=leave_out)
    for file in ("tests/__init__.py", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def run(checkout: Path, *command: str) -> str:
    """What a command says in the copy; it must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "MADE_UP_AI_API_KEY": "sk-made-up"}
    told = subprocess.run(
        [sys.executable, *command], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def files_in(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("room", LANDED)
def test_a_source_is_one_file_and_one_folder(checkout: Path, api: Api, room: str) -> None:
    before = {name: (checkout / name).read_bytes() for name in files_in(checkout)}
    source, _, received = new_source(room, KIND, checkout)

    run(checkout, "-m", "ruff", "check", "--no-cache", ".")
    run(checkout, "-m", "ruff", "format", "--no-cache", "--check", str(source))
    told = run(checkout, "-m", "tests.sources.accepted")
    assert f"{room}/{KIND}/first" in told
    assert run(checkout, "-m", "tests.sources.accepted") == "", "what was accepted is read the same way again"

    touched = files_in(checkout) - before.keys()
    folder = f"tests/sources/fixtures/{room}/{KIND}/first/"
    assert {name for name in touched if not name.startswith(folder)} == {f"reconcilers/sources/{room}/{KIND}.py"}
    assert [name for name in touched if name.startswith(f"{folder}lake/")]
    assert [name for name, content in before.items() if (checkout / name).read_bytes() != content] == []

    asked = []

    def answer(path: str, params: list[tuple[str, str]]) -> tuple[int, bytes, dict[str, str]]:
        asked.append((path, *params))
        return 200, received.read_bytes(), {}

    api.answer = answer
    config = yaml.safe_load((checkout / folder / "source.yaml").read_text())
    config |= {"name": "made_up", "kind": KIND, "base_url": api.url}
    (checkout / "reconcile.yaml").write_text(yaml.safe_dump({room: [config], "repull_days": 0}))
    billed = "{'USD': '36.800000000'}" if room == "billing" else "{}"
    assert run(checkout, "-c", LAND) == f"{LANDED[room]} {billed} []\n"
    assert sorted(asked) == [(f"/{received.name}", ("day", f"2026-09-0{day}")) for day in (3, 4)]
    assert {headers["Authorization"] for _, _, headers in api.requests} == {"Bearer sk-made-up"}


def test_the_command_says_what_it_wrote_and_what_comes_next(checkout: Path) -> None:
    told = run(checkout, "-m", "reconcilers.cli", "new-source", "billing", KIND)
    assert f"wrote reconcilers/sources/billing/{KIND}.py" in told
    assert "next: make accept" in told


@pytest.mark.parametrize(
    ("room", "kind", "problem"),
    [
        ("bills", "acme", "unknown room 'bills' -> use one of billing, invoices, telemetry, revenue"),
        ("billing", "Acme-AI", "'Acme-AI' can be no kind -> lower-case words with _ between"),
        ("billing", "../evil", "can be no kind"),
        ("billing", "openai", "openai.py is there already"),
    ],
)
def test_what_cannot_be_begun(room: str, kind: str, problem: str) -> None:
    with pytest.raises(SettingsInvalid) as told:
        new_source(room, kind, ROOT)
    assert problem in str(told.value)


def test_a_folder_that_is_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="holds no reconcilers/sources/billing"):
        new_source("billing", "acme", tmp_path)
    assert not any(tmp_path.iterdir())
