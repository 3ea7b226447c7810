"""The dbt project's own unit tests hold. They run over a built store, from which dbt takes the types of their rows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from reconcilers.declared.settings import read_settings
from reconcilers.warehouses.dbt import PROJECT
from reconcilers.warehouses.duckdb import Store
from tests.scenarios.company_of_examples import write_company
from tests.scenarios.conftest import EXAMPLES


def test_unit_tests_of_models(tmp_path: Path) -> None:
    file = write_company(tmp_path, {"E01": EXAMPLES["E01"]})
    run = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(file), "--date", "2026-09-28"]
    subprocess.run(run, check=True, capture_output=True)
    settings = read_settings(file)
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", f"--log-path={tmp_path}", "test"]
    command += ["--select", "test_type:unit", f"--project-dir={PROJECT}", f"--profiles-dir={PROJECT}"]
    command += [f"--target-path={tmp_path / 'target'}"]
    environment = os.environ | Store(settings.path(settings.home)).environment
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"PASS=[1-9]", done.stdout)
