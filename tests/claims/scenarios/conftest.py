"""The company of worked examples, run once for every test that reads its tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.claims.scenarios.company_of_examples import read_examples, write_company

EXAMPLES = read_examples(Path(__file__).parent / "rules_examples.yaml")


@pytest.fixture(scope="session")
def examples_settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings file of the company, its range run and published."""
    folder = tmp_path_factory.mktemp("examples")
    settings = write_company(folder, EXAMPLES)
    command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(settings)]
    command += ["--from", "2026-01-01", "--to", "2026-10-01", "--as-of", "2026-10-05T00:00:00"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return settings
