"""SQL compiled for BigQuery, and a store with the worked examples in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconcilers.warehouses.dbt import PROJECT
from tests.shared import made_once
from tests.warehouses.built import Built


@pytest.fixture(scope="session")
def compiled_for_bigquery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What dbt writes, compiling for BigQuery without a connection."""
    return made_once(tmp_path_factory, "bigquery", _compile)


def _compile(target: Path) -> None:
    command = [sys.executable, "-m", "dbt.cli.main", "--no-populate-cache", "--quiet", "compile", "--no-introspect"]
    command += [f"--project-dir={PROJECT}", f"--profiles-dir={PROJECT}", f"--target-path={target}"]
    command += [f"--log-path={target}"]
    environment = {"BIGQUERY_METHOD": "oauth-secrets", "BIGQUERY_TOKEN": "none", "BIGQUERY_PROJECT": "compiled"}
    done = subprocess.run(
        command,
        env={
            **os.environ,
            **environment,
            "RECONCILE_WAREHOUSE": "bigquery",
            "RECONCILE_FINANCE_DATABASE": "compiled",
            "RECONCILE_WATCHED_FROM": "2026-01-01",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A store that tests may read, and leave as it was."""
    return Built(tmp_path_factory.mktemp("built"))
