"""The hourly watch: telemetry at list price, no bill asked, no finance table touched."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from reconcilers.declared.settings import read_settings
from reconcilers.watch import watched
from tests.claims.scenarios.company_of_examples import write_company
from tests.claims.scenarios.conftest import EXAMPLES


def test_hours_at_list_price_before_any_bill(tmp_path: Path) -> None:
    file = write_company(tmp_path, {name: EXAMPLES[name] for name in ("E01", "E06", "E16")})
    shutil.rmtree(tmp_path / "bills")
    command = [sys.executable, "-m", "reconcilers.cli", "watch", "--config", str(file)]
    done = subprocess.run(
        [*command, "--date", "2026-09-29", "--as-of", "2026-09-29T13:05:00"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "E06/tenant" in done.stdout
    settings = read_settings(file)
    estimates = watched(settings).current()
    assert estimates is not None
    found = estimates.ask(
        "select feature_id, hour, calls, unpriced_calls, estimated_cost from finance.fct_cost_hourly order by 1, 2"
    )
    # Only E06 declares a list price, 10 per million; a contract price is no list price (R18).
    assert found.rows == [
        ("E01", datetime(2026, 9, 28, 12), 1, 1, None),
        ("E06", datetime(2026, 9, 28, 12), 1, 0, Decimal("75.000000000")),
        ("E16", datetime(2026, 9, 29, 0), 1, 1, None),
        ("E16", datetime(2026, 9, 29, 12), 9, 9, None),
    ]
    assert not (settings.path(settings.home) / "published").exists()


def test_a_telemetry_file_that_fails_is_told_and_the_rest_is_estimated(tmp_path: Path) -> None:
    file = write_company(tmp_path, {"E06": EXAMPLES["E06"]})
    (tmp_path / "telemetry" / "outcomes.csv").write_text("event_id,outcome,at\nx,success,never\n")
    command = [sys.executable, "-m", "reconcilers.cli", "watch", "--config", str(file), "--date", "2026-09-29"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "outcomes.csv, line 2" in " ".join(done.stderr.split())
    assert "75" in done.stdout
