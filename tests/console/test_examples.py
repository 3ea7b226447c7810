"""The examples that the commands for reading give in their help run as they stand there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from typer.main import get_command

from reconcilers.cli import app
from tests.reports.published import publish

COMMANDS = ("query", "tables", "diff", "what-if", "export")
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
FACTS = {
    "period": "2026-09-01 to 2026-10-31",
    "as_of": "2026-11-03T06:00:00",
    "failed_units": [],
    "warnings": [],
    "incomplete": {},
}


def examples() -> list[str]:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    found = [re.findall(r"^\s*(?:Example: )?(reconcile .+)$", commands[name].help, re.MULTILINE) for name in COMMANDS]
    assert all(found)
    return [example for of_command in found for example in of_command]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company whose fifth publication is the newest, and which keeps the third."""
    folder = tmp_path_factory.mktemp("company")
    names = {"tenant_id": "ten_acme", "feature_id": "ticket_resolution", "currency": "USD"}
    shares = [
        {"charge_month": month, "billing_period_start": month, "source": "openai", "target_kind": "call", "destination": "event"}
        | {"model": "m-1", "meter": "input_tokens", "quantity": Decimal(5), "reconciled_cost": Decimal(2), "accrued_cost": Decimal(0)}
        | {"event_id": "e1", "production": True, "billing_currency": "USD"} | names
        for month in (SEPTEMBER, OCTOBER)
    ]  # fmt: skip
    event = {
        "event_id": "e1",
        "outcome": "success",
        "outcome_at": datetime(2026, 10, 3),
        "production": True,
        "calls": 1,
    }
    step = {"billing_period_start": OCTOBER, "source": "openai", "billing_currency": "USD", "currency": "USD"}
    tables = {
        "fct_allocation": shares,
        "fct_cost_per_outcome": [event | {"reconciled_cost": Decimal(4), "accrued_cost": Decimal(0)} | names],
        "fct_tenant_margin": [{"month": OCTOBER, "revenue": Decimal(9), "status": "provisional"} | names],
        "dim_features": [{"feature_id": "ticket_resolution"}],
        "dim_tenants": [{"tenant_id": "ten_acme"}],
        "rpt_unit_costs": [{"month": OCTOBER, "slice": "feature", "slice_value": "ticket_resolution", "successes": 1}],
        "rpt_invoice_waterfall": [step | {"section": name, "cost": Decimal(2)} for name in ("billed", "destination")],
    }
    for _ in range(5):
        shutil.rmtree(folder / "var" / "store", ignore_errors=True)
        publish(folder / "var", tables, FACTS)
    (folder / "reconcile.yaml").write_text("home: var\n")
    return folder


@pytest.mark.parametrize("example", examples())
def test_an_example_of_the_help_runs(company: Path, example: str) -> None:
    command = [sys.executable, "-m", "reconcilers.cli", *shlex.split(example)[1:]]
    done = subprocess.run(command, cwd=company, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = re.search(r"--out (\S+)", example)
    assert (company / written[1]).stat().st_size > 0 if written else done.stdout


def test_every_command_is_listed() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "reconcilers.cli", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert {*COMMANDS} <= {line.split()[1] for line in shown.splitlines() if line.startswith("│ ") and line[2] != " "}
