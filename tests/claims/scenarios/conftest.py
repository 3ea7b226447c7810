"""The company of worked examples, run once for every test that reads its tables."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.claims.scenarios.company_of_examples import read_examples, write_company
from tests.shared import made_once

EXAMPLES = read_examples(Path(__file__).parent / "rules_examples.yaml")


def run_examples(folder: Path) -> None:
    """Write the company and run its whole range."""
    command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(write_company(folder, EXAMPLES))]
    command += ["--from", "2026-01-01", "--to", "2026-10-01", "--as-of", "2026-10-05T00:00:00"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def examples_in(folder: Path, factory: pytest.TempPathFactory) -> Path:
    """Settings file of the company in a folder of one's own, its range run and published."""
    shutil.copytree(made_once(factory, "examples", run_examples), folder, symlinks=True, dirs_exist_ok=True)
    return folder / "reconcile.yaml"


@pytest.fixture(scope="session")
def examples_settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings file of the company, its range run and published."""
    return examples_in(tmp_path_factory.mktemp("examples"), tmp_path_factory)
