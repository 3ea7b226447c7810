"""The finance guide: every table it names exists, every table that exists is named, and every answer ties to the report."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reconcilers.reports.months import BREAKS, MARGINS
from reconcilers.warehouses.duckdb import read_only
from tests.claims.finance_guide import GUIDE, QUERIES, answer


@pytest.fixture
def published(examples_settings: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with read_only(examples_settings.parent / "var" / "published" / "current") as connection:
        yield connection


def test_ten_questions() -> None:
    assert list(QUERIES) == list(range(1, 13))


def test_every_table_is_described(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute("select table_name from information_schema.tables where table_schema = 'finance'")
    tables = {name for (name,) in rows.fetchall()}
    described = set(re.findall(r"`((?:fct|dim|rpt|bridge)_[a-z_]+)`", GUIDE.split("## Ten questions")[0]))
    assert tables == described


def test_any_client_finds_every_table_by_its_bare_name_with_what_its_columns_mean(
    published: duckdb.DuckDBPyConnection,
) -> None:
    told = "select schema_name, table_name, column_name, comment from duckdb_columns() where not internal"
    rows = published.execute(told).fetchall()
    places = {place: {row[1:] for row in rows if row[0] == place} for place in ("finance", "main")}
    assert places["finance"] == places["main"]
    assert all(comment for *_, comment in places["main"])


@pytest.mark.parametrize("question", QUERIES)
def test_query_answers(published: duckdb.DuckDBPyConnection, question: int) -> None:
    # In the company of examples nobody loses money on anybody it knows, and nobody reckons beside a bill.
    assert answer(published, question) or question in (2, 12)


def one(published: duckdb.DuckDBPyConnection, sql: str) -> Any:
    ((value,),) = published.execute(sql).fetchall()
    return value


def total(rows: list[dict[str, Any]], column: str) -> Decimal:
    return sum((row[column] for row in rows), Decimal(0))


def test_successes_and_their_cost_are_those_of_the_versions(published: duckdb.DuckDBPyConnection) -> None:
    """Question 8 sums to question 1, whose figures are the report's."""
    cost: dict[Any, Decimal] = defaultdict(Decimal)
    successes: Counter[Any] = Counter()
    for row in answer(published, 8):
        key = (row["feature_id"] or "(none)", date(row["year"], row["month"], 1))
        cost[key] += row["resolved_cost"]
        successes[key] += int(row["successes"])
    of_features = {(row["feature"], row["month"]): row for row in answer(published, 1)}
    assert {key: count for key, count in successes.items() if count} == {
        key: row["successes"] for key, row in of_features.items() if row["successes"]
    }
    for key, row in of_features.items():
        if row["successes"]:
            assert abs(cost[key] / successes[key] - row["cost_per_success"]) <= Decimal("1e-9")


def test_losses_are_the_negative_margins_of_the_report(published: duckdb.DuckDBPyConnection) -> None:
    months = published.execute("select distinct month from finance.fct_tenant_margin").fetchall()
    reported = {
        (month, row[0], row[5])
        for (month,) in months
        for row in published.execute(MARGINS, [month]).fetchall()
        if row[5] is not None and row[5] < 0 and row[0] != "(unassigned)"
    }
    assert {(row["month"], row["tenant_id"], row["loaded_margin"]) for row in answer(published, 2)} == reported


def test_every_source_and_month_closes(published: duckdb.DuckDBPyConnection) -> None:
    rest: dict[Any, Decimal] = defaultdict(Decimal)
    for row in answer(published, 3):
        key = (row["source"], row["billing_period_start"])
        rest[key] += row["cost"] if row["step"] == "billed" else -row["cost"]
    assert rest
    assert set(rest.values()) == {Decimal(0)}


def test_waste_is_that_of_the_unit_costs(published: duckdb.DuckDBPyConnection) -> None:
    reported = one(published, "select sum(waste_cost) from finance.rpt_unit_costs where slice = 'all'")
    assert total(answer(published, 4), "waste_cost") == reported > 0


def test_shares_of_the_bill_sum_to_the_event(published: duckdb.DuckDBPyConnection) -> None:
    event = "(select max(event_id) from finance.fct_cost_per_outcome where reconciled_cost > 0)"
    shares = {(row["call_id"], row["meter"]): row["reconciled_cost"] for row in answer(published, 5)}
    cost = one(published, f"select reconciled_cost from finance.fct_cost_per_outcome where event_id = {event}")
    assert sum(shares.values()) == cost > 0


def test_open_differences_are_those_of_the_page(published: duckdb.DuckDBPyConnection) -> None:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in answer(published, 6):
        assert row["owner"]
        assert row["action"]
        found[row["owner"], row["kind"], row["currency"]].append(row["amount"])
    summed = {key: (len(amounts), sum(filter(None, amounts), Decimal(0))) for key, amounts in found.items()}
    page = published.execute(BREAKS).fetchall()
    assert summed == {
        (owner, kind, currency): (breaks, amount or Decimal(0)) for owner, kind, breaks, _, amount, currency, _ in page
    }


def test_the_variance_is_explained_whole(published: duckdb.DuckDBPyConnection) -> None:
    carried: dict[str, Decimal] = defaultdict(Decimal)
    not_compared = set()
    for row in answer(published, 7):
        source, _, at_destinations, beside, billed, expected, variance, *components = row.values()
        carried[source] += at_destinations
        if beside:
            not_compared.add(source)
        if billed is not None:
            assert len(components) == 16
            assert sum(components) == variance == billed - expected
            assert beside == at_destinations - billed
    sql = """select steps.source, sum(cost), max(charges) from finance.rpt_invoice_waterfall as steps
             join finance.dim_sources as sources on steps.source = sources.source where section = 'destination' group by 1"""
    for source, cost, charges in published.execute(sql).fetchall():
        # Each line is rounded by half a nano at most.
        assert abs(carried[source] - cost) <= charges * Decimal("0.5e-9"), source
    beside_usage = "select source from finance.fct_allocation where destination in ('out_of_scope', 'credit', 'refund_and_dispute')"
    assert not_compared <= {source for (source,) in published.execute(beside_usage).fetchall()}


def test_events_of_several_months_cost_what_they_cost(published: duckdb.DuckDBPyConnection) -> None:
    rows = answer(published, 9)
    assert {row["event_id"] for row in rows} >= {"E13/e1"}
    costs = dict(published.execute("select event_id, reconciled_cost from finance.fct_cost_per_outcome").fetchall())
    assert all(row["months"] > 1 and row["reconciled_cost"] == costs[row["event_id"]] for row in rows)


def test_accruals_are_those_of_events_and_of_margins(published: duckdb.DuckDBPyConnection) -> None:
    rows = answer(published, 10)
    on_events = [row for row in rows if row["destination"] == "event"]
    of_events = one(published, "select sum(accrued_cost) from finance.fct_cost_per_outcome where production")
    assert total(on_events, "accrued_cost") == of_events > 0
    assert total(rows, "accrued_cost") == one(published, "select sum(accrued_cost) from finance.fct_tenant_margin")
