"""The whole job over real agent telemetry and real bills: the published tables meet the answer keys."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reconcilers.warehouses.duckdb import read_only
from tests.claims.real.company import REAL_DATA, write_real_company

pytestmark = pytest.mark.skipif(not REAL_DATA, reason="REAL_DATA names no folder of public data sets")


def answers(name: str) -> Any:
    return json.loads((Path(REAL_DATA or "") / "answers" / name).read_text())


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Finance tables of one range run over every real telemetry set and the FOCUS sample."""
    folder = tmp_path_factory.mktemp("real")
    settings = write_real_company(folder)
    command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(settings)]
    command += ["--from", "2024-09-01", "--to", "2026-04-01", "--as-of", "2026-05-01T00:00:00"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with read_only(folder / "var" / "published" / "current") as connection:
        yield connection


def one(published: duckdb.DuckDBPyConnection, sql: str, *values: object) -> Any:
    row = published.execute(sql, list(values)).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def test_redelivered_agent_runs_cost_what_they_cost_once(published: duckdb.DuckDBPyConnection) -> None:
    expected = answers("ljoukov_llm.json")["all"]
    events = "finance.fct_cost_per_outcome where event_id not like '%.jsonl'"
    assert one(published, f"select sum(reported_cost) from {events}") == Decimal(expected["total_cost"])
    found = dict(published.execute(f"select outcome, count(*) from {events} group by 1").fetchall())
    assert found == expected["events_by_outcome"]
    runs = "finance.fct_run_cost where event_id not like '%.jsonl'"
    assert one(published, f"select count(*) from {runs}") == expected["runs"]
    by_status = dict(published.execute(f"select status, count(*) from {runs} group by 1").fetchall())
    assert by_status == {
        "success": expected["runs_success"],
        "partial": expected["runs_partial"],
        "failure": expected["runs"] - expected["runs_success"] - expected["runs_partial"],
    }
    failed = one(published, f"select sum(reported_cost) from {runs} and status <> 'success'")
    assert failed == Decimal(expected["cost_of_failed_runs"])


def test_transcripts_priced_from_the_public_book(published: duckdb.DuckDBPyConnection) -> None:
    expected = answers("tau2_mermaid_claude_code.json")
    events = "finance.fct_cost_per_outcome where event_id like '%.jsonl'"
    assert one(published, f"select sum(estimated_cost), sum(calls) from {events}") == (
        Decimal(expected["correct_total"]),
        expected["distinct_calls"],
    )
    for run, figures in expected["by_run"].items():
        found = one(
            published,
            f"""select count(*), count(*) filter (where outcome = 'success'), sum(estimated_cost), sum(calls), sum(runs)
                from {events} and tenant_id = ?""",
            run,
        )
        assert found == (
            figures["events"],
            figures["success"],
            Decimal(figures["cost"]),
            figures["calls"],
            figures["sessions"],
        )


def test_no_bill_for_them_is_a_break_and_no_money(published: duckdb.DuckDBPyConnection) -> None:
    assert one(
        published,
        "select sum(reconciled_cost), sum(accrued_cost) from finance.fct_cost_per_outcome",
    ) == (Decimal(0), Decimal(0))
    found = one(published, "select sum(amount) from finance.fct_breaks where kind = 'telemetry_without_charge'")
    assert abs(found - Decimal(answers("tau2_mermaid_claude_code.json")["correct_total"])) < Decimal("0.000001")


def test_a_bill_nobody_instrumented_closes(published: duckdb.DuckDBPyConnection) -> None:
    expected = answers("cloud_bills.json")["FOCUS-1.0/focus_sample.csv"]
    billed = one(
        published,
        "select sum(cost) from finance.rpt_invoice_waterfall where source = 'focus_sample' and step = 'billed'",
    )
    exact = Decimal(expected["all"]["BilledCost"])
    # Each billing month and currency is rounded once from its exact sum (R5): half a nano a statement at most.
    statements = one(published, "select count(*) from finance.rpt_invoice_waterfall where step = 'billed'")
    assert abs(billed - exact) <= statements * Decimal("0.0000000005")
    difference = one(
        published,
        """select sum(case when step = 'billed' then cost else -cost end) from finance.rpt_invoice_waterfall
           where source = 'focus_sample'""",
    )
    assert difference == 0
    bridge = one(
        published,
        """select sum(cost) from finance.rpt_invoice_waterfall
           where source = 'focus_sample' and step = 'commitment_and_prepaid_timing'""",
    )
    assert abs(bridge - (exact - Decimal(expected["all"]["EffectiveCost"]))) <= 1000 * Decimal("0.000000001")
