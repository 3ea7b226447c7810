"""A store as a run leaves it, with the worked examples in it, and dbt over it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb

from reconcilers.declared.settings import read_settings
from reconcilers.warehouses.dbt import PROJECT
from reconcilers.warehouses.duckdb import Store
from tests.claims.scenarios.company_of_examples import write_company
from tests.claims.scenarios.conftest import EXAMPLES


class Built:
    """A store with the worked examples in it."""

    def __init__(self, folder: Path) -> None:
        self.file = write_company(folder, EXAMPLES)
        assert self.run().returncode == 0
        settings = read_settings(self.file)
        self.environment = Store(settings.path(settings.home)).environment
        self.target = folder / "target"
        with self.connect() as store:
            days = store.execute("select charge_day from intermediate.int_call_days order by 1").fetchall()
        self.days = [str(day) for (day,) in days]

    def run(self) -> subprocess.CompletedProcess[str]:
        """The job over the whole range; what was landed is not landed again."""
        run = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(self.file), "--from", "2026-01-01"]
        run += ["--to", "2026-10-01", "--as-of", "2026-10-05T00:00:00"]
        return subprocess.run(run, check=False, capture_output=True, text=True)

    def dbt(self, command: str, *arguments: str) -> str:
        """What dbt says, asked for every day there are calls of."""
        served = os.environ.get("RECONCILE_DBT_EXECUTABLE")
        done = subprocess.run(
            [
                *([served] if served else [sys.executable, "-m", "dbt.cli.main"]),
                *["--no-use-colors", f"--log-path={self.target}", command],
                *[f"--project-dir={PROJECT}", f"--profiles-dir={PROJECT}", f"--target-path={self.target}"],
                *[f"--vars={json.dumps({'days': self.days})}", *arguments],
            ],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def connect(self, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
        """Both files of the store, under the names that compiled text has for them."""
        connection = duckdb.connect(self.environment["RECONCILE_STORE"], read_only=read_only)
        mode = "(read_only)" if read_only else ""
        connection.execute(f"attach '{self.environment['RECONCILE_FINANCE_FILE']}' as finance_file {mode}")
        return connection
