"""What the dbt project says of itself holds over a built store: its unit tests, which take the types of their rows from it, and the keys
of its models. Compiled for days, a model's text gives the rows that the store keeps of them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from reconcilers.declared.settings import read_settings
from reconcilers.warehouses.dbt import PROJECT
from reconcilers.warehouses.duckdb import Store
from tests.claims.scenarios.company_of_examples import write_company
from tests.claims.scenarios.conftest import EXAMPLES

#: Kept by day, one model of each kind of day, with its folder.
KEPT = {"telemetry/int_usages": "charge_day", "events/int_runs": "event_day"}


class Built:
    """A store with the worked examples in it."""

    def __init__(self, folder: Path) -> None:
        file = write_company(folder, EXAMPLES)
        run = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(file), "--from", "2026-01-01"]
        subprocess.run([*run, "--to", "2026-10-01", "--as-of", "2026-10-05T00:00:00"], check=True, capture_output=True)
        settings = read_settings(file)
        self.environment = Store(settings.path(settings.home)).environment
        self.target = folder / "target"
        with self.connect() as store:
            days = store.execute("select charge_day from intermediate.int_call_days order by 1").fetchall()
        self.days = [str(day) for (day,) in days]

    def dbt(self, command: str, *arguments: str) -> str:
        """What dbt says, asked for every day there are calls of."""
        done = subprocess.run(
            [
                *[sys.executable, "-m", "dbt.cli.main", "--no-use-colors", f"--log-path={self.target}", command],
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

    def connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(self.environment["RECONCILE_STORE"], read_only=True)
        connection.execute(f"attach '{self.environment['RECONCILE_FINANCE_FILE']}' as finance_file (read_only)")
        return connection


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return Built(tmp_path_factory.mktemp("built"))


def test_unit_tests_of_models(built: Built) -> None:
    assert re.search(r"PASS=[1-9]", built.dbt("test", "--select=test_type:unit"))


def test_no_two_rows_have_one_key(built: Built) -> None:
    assert re.search(r"PASS=[7-9]\d", built.dbt("test", "--select=tag:shape"))


def test_text_compiled_for_days_gives_their_rows(built: Built) -> None:
    built.dbt("compile", "--select", *[Path(model).name for model in KEPT])
    with built.connect() as store:
        for model, day in KEPT.items():
            [path] = (built.target / "compiled").rglob(f"{model}.sql")
            named = ", ".join(f"date '{one}'" for one in built.days)
            kept, text = f"select * from intermediate.{Path(model).name} where {day} in ({named})", path.read_text()
            differing = "select count(*) from (({}) except all ({}))"
            assert store.execute(f"select count(*) from ({kept})").fetchall() != [(0,)]
            assert store.execute(differing.format(kept, text)).fetchall() == [(0,)]
            assert store.execute(differing.format(text, kept)).fetchall() == [(0,)]
