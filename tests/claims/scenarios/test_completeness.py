"""What of a month is there and what is missing (R34), over two runs: August whole, then September and two days of October."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reconcilers.warehouses.duckdb import Version, read_only
from tests.claims.scenarios.company_of_examples import write_company

AUGUST, SEPTEMBER, OCTOBER = date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)
#: Nobody asked for half of October.
MISSED = "calls, calls_with_cache, first, first-other, outcomes, runs, traces: 2 of 4 days missing"
LINE = {"quantity": 1000, "cost": "0.01"}
COMPANY = {
    "first": {
        "bill": [
            {**LINE, "day": date(2026, 8, 10)},
            {**LINE, "account": "A"},
            {**LINE, "account": "B"},
            {"cost": "5.00", "currency": "EUR", "category": "Tax"},
        ],
        "other_bill": [{**LINE, "account": "A"}, {**LINE, "day": date(2026, 8, 11)}],
        "calls": [{"tokens": 1000, "at": "2026-08-10T12:00:00"}],
    }
}


def reconcile(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "reconcilers.cli", *arguments, "--config", str(folder / "reconcile.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completeness")
    write_company(folder, COMPANY)
    reconcile(folder, "run", "--from", "2026-08-01", "--to", "2026-08-31", "--as-of", "2026-09-01T06:00:00")
    reconcile(folder, "run", "--from", "2026-09-01", "--to", "2026-10-02", "--as-of", "2026-10-05T06:00:00")
    return folder


@pytest.fixture(scope="module")
def current(company: Path) -> Path:
    return company / "var" / "published" / "current"


@pytest.fixture(scope="module")
def published(current: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with read_only(current) as connection:
        yield connection


def of_month(published: duckdb.DuckDBPyConnection, columns: str, month: date) -> dict[str, tuple[Any, ...]]:
    """Figures of the month by source."""
    sql = f"select source, {columns} from finance.fct_completeness where month = ?"
    return {source: tuple(figures) for source, *figures in published.execute(sql, [month]).fetchall()}


def test_a_whole_month_without_counts_is_complete(published: duckdb.DuckDBPyConnection) -> None:
    found = of_month(
        published, "days_expected, days_landed, days_final, days_missing, complete, month_complete", AUGUST
    )
    sources = {"first", "first-other", "calls", "calls_with_cache", "runs", "outcomes", "traces", "reference"}
    assert found == dict.fromkeys(sources, (31, 31, 31, 0, True, True))


def test_a_line_of_two_sources_makes_the_month_incomplete(published: duckdb.DuckDBPyConnection) -> None:
    found = of_month(published, "days_missing, duplicate_lines, duplicate_amount, complete, month_complete", SEPTEMBER)
    assert found["first"] == found["first-other"] == (0, 1, Decimal("0.01"), False, False)
    assert found["calls"] == (0, 0, None, True, False)


def test_a_charge_without_rate_is_told_in_its_own_currency(published: duckdb.DuckDBPyConnection) -> None:
    found = of_month(published, "charges_without_rate, amount_without_rate, currency_without_rate", SEPTEMBER)
    assert found["first"] == (1, Decimal(5), "EUR")
    sql = "select amount, currency from finance.fct_breaks where kind = 'no_rate'"
    assert published.execute(sql).fetchall() == [(Decimal(5), "EUR")]


def test_money_that_reached_no_event_is_named_by_its_bucket(published: duckdb.DuckDBPyConnection) -> None:
    columns = "unmapped_cost, untagged_cost, sampled_out_cost, no_telemetry_cost, unexplained_cost"
    found = of_month(published, columns, SEPTEMBER)
    assert found["first"] == (0, 0, 0, Decimal("0.02"), 0)
    assert found["first-other"] == (0, 0, 0, Decimal("0.01"), 0)
    assert found["calls"] == (0, 0, 0, 0, 0)


def test_a_day_never_asked_for_is_missing_and_no_break(published: duckdb.DuckDBPyConnection) -> None:
    found = of_month(published, "days_expected, days_landed, days_missing, month_complete", OCTOBER)
    assert found["calls"] == (4, 2, 2, False)
    assert found["reference"] == (4, 4, 0, False)
    assert published.execute("select * from finance.fct_breaks where kind = 'source_missing'").fetchall() == []


def test_the_publication_says_what_is_missing(current: Path) -> None:
    missing = Version(current).facts["incomplete"]
    assert missing["2026-09"] == [
        "first: 1 lines left out or counted twice (0.01 USD), 1 charges without a rate (5.00 EUR)",
        "first-other: 1 lines left out or counted twice (0.01 USD)",
    ]
    assert missing["2026-10"] == [MISSED]
    assert "2026-08" not in missing


def test_no_difference_is_shown_without_it(company: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    told = reconcile(company, "report", "--page", str(page))
    assert "difference 0.000000000; the month is complete" in told
    assert "difference 0.000000000; the month is not complete:" in told
    assert "1 charges without a rate (5.00 EUR)" in told
    assert page.read_text().count("The month is not complete.") == 1
    assert "1 charges without a rate (5.00 EUR)" in page.read_text()
    assert f"2026-10 not complete: {MISSED}" in reconcile(company, "status")
