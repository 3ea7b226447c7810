"""Every worked example of the rules, from raw files through the real job to the published tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reconcilers.warehouses.duckdb import read_only
from tests.claims.scenarios.conftest import EXAMPLES


@pytest.fixture(scope="module")
def published(examples_settings: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The finance tables of the company of examples."""
    with read_only(examples_settings.parent / "var" / "published" / "current") as connection:
        yield connection


def rows(published: duckdb.DuckDBPyConnection, sql: str, name: str) -> list[tuple[Any, ...]]:
    return published.execute(sql, [name]).fetchall()


def amounts(expected: dict[Any, str]) -> dict[Any, Decimal]:
    return {key: Decimal(text) for key, text in expected.items()}


def exactly(text: str | int | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def of_example(found: list[tuple[Any, ...]], name: str) -> dict[str, Decimal]:
    """Figures by the id an example gives its event or tenant."""
    return {key.removeprefix(f"{name}/"): amount for key, amount in found}


def test_all_are_here() -> None:
    told = range(1, 45)
    assert {name for name in EXAMPLES if name.startswith("E")} == {f"E{number:02d}" for number in told}


@pytest.mark.parametrize("name", EXAMPLES)
def test_waterfall(published: duckdb.DuckDBPyConnection, name: str) -> None:
    expected = EXAMPLES[name]["expect"]["waterfall"]
    if not isinstance(next(iter(expected)), date):
        expected = {EXAMPLES[name]["expect"].get("billing_month", date(2026, 9, 1)): expected}
    found: dict[date, dict[str, Decimal]] = {}
    billed: dict[date, Decimal] = {}
    for month, step, destination, cost in rows(
        published,
        "select billing_period_start, step, destination, cost from finance.rpt_invoice_waterfall where source = ?",
        name,
    ):
        if step == "billed":
            billed[month] = cost
        else:
            of_month = found.setdefault(month, {})
            key = step if destination in (None, step) else f"{step}/{destination}"
            of_month[key] = of_month.get(key, Decimal(0)) + cost
    assert found == {month: amounts(steps) for month, steps in expected.items()}
    assert billed == {month: sum(steps.values()) for month, steps in found.items()}
    if "billed" in EXAMPLES[name]["expect"]:
        assert sum(billed.values()) == Decimal(EXAMPLES[name]["expect"]["billed"])


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "other_waterfall" in EXAMPLES[name]["expect"]])
def test_waterfall_of_the_other_source(published: duckdb.DuckDBPyConnection, name: str) -> None:
    found = rows(
        published,
        "select step, cost from finance.rpt_invoice_waterfall where source = ? || '-other' and step <> 'billed'",
        name,
    )
    assert dict(found) == amounts(EXAMPLES[name]["expect"]["other_waterfall"])


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "unplaced" in EXAMPLES[name]["expect"]])
def test_breaks_of_no_bill(published: duckdb.DuckDBPyConnection, name: str) -> None:
    """What was received and not used, of which no billing source is known (R33); the key names the example."""
    found = rows(
        published,
        """select kind, quantity, regexp_replace(break_key, '^source=\\S+ ', '') from finance.fct_breaks
           where source in ('traces', '(none)') and contains(break_key, ?) order by all""",
        name,
    )
    assert [list(one) for one in found] == EXAMPLES[name]["expect"]["unplaced"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_breaks(published: duckdb.DuckDBPyConnection, name: str) -> None:
    found = rows(published, "select kind, quantity, amount from finance.fct_breaks where source = ? order by all", name)
    expected = EXAMPLES[name]["expect"].get("breaks")
    if expected != []:
        unlisted = {"price", "missing_telemetry"} - {kind for kind, *_ in expected or []}
        found = [one for one in found if one[0] not in unlisted]
    assert found == [(kind, *map(exactly, figures)) for kind, *figures in expected or []]


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "events" in EXAMPLES[name]["expect"]])
def test_events(published: duckdb.DuckDBPyConnection, name: str) -> None:
    found = rows(
        published,
        "select event_id, reconciled_cost from finance.fct_cost_per_outcome where starts_with(event_id, ?)",
        name,
    )
    assert of_example(found, name) == amounts(EXAMPLES[name]["expect"]["events"])


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "customers" in EXAMPLES[name]["expect"]])
def test_customers(published: duckdb.DuckDBPyConnection, name: str) -> None:
    """Told by a run of which no call was seen."""
    sql = "select event_id, customer_id from finance.fct_cost_per_outcome where starts_with(event_id, ?) and customer_id is not null"
    found = {event.removeprefix(f"{name}/"): told for event, told in rows(published, sql, name)}
    assert found == EXAMPLES[name]["expect"]["customers"]


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "tenants" in EXAMPLES[name]["expect"]])
def test_tenants(published: duckdb.DuckDBPyConnection, name: str) -> None:
    found = rows(
        published,
        "select tenant_id, sum(direct_cost) from finance.fct_tenant_margin where feature_id = ? group by 1",
        name,
    )
    assert of_example(found, name) == amounts(EXAMPLES[name]["expect"]["tenants"])


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "calls" in EXAMPLES[name]["expect"]])
def test_calls(published: duckdb.DuckDBPyConnection, name: str) -> None:
    found = rows(
        published, "select event_id, calls from finance.fct_cost_per_outcome where starts_with(event_id, ?)", name
    )
    calls = {event_id.removeprefix(f"{name}/"): calls for event_id, calls in found}
    expected = EXAMPLES[name]["expect"]["calls"]
    assert {event_id: calls[event_id] for event_id in expected} == expected


def test_e35_says_where_its_names_come_from(published: duckdb.DuckDBPyConnection) -> None:
    found = rows(published, "select distinct inherited from finance.fct_allocation where source = ?", "E35")
    assert found == [("event_id=ancestor run_id=ancestor tenant_id=ancestor",)]


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "unit_costs" in EXAMPLES[name]["expect"]])
def test_unit_costs(published: duckdb.DuckDBPyConnection, name: str) -> None:
    for month, expected in EXAMPLES[name]["expect"]["unit_costs"].items():
        columns = ", ".join(expected)
        (found,) = rows(
            published,
            f"select {columns} from finance.rpt_unit_costs where slice = 'feature' and slice_value = ? and month = '{month}'",
            name,
        )
        assert found == tuple(Decimal(value) for value in expected.values())


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "coverage" in EXAMPLES[name]["expect"]])
def test_coverage(published: duckdb.DuckDBPyConnection, name: str) -> None:
    """Of the row's own scope (R28); the one that stands is never above that of the month beside it."""
    found = rows(
        published,
        """select own_share_attributed, own_share_reconciled,
             share_attributed = least(own_share_attributed, month_share_attributed)
             and share_reconciled = least(own_share_reconciled, month_share_reconciled)
           from finance.fct_tenant_margin where feature_id = ?""",
        name,
    )
    assert found == [(*map(Decimal, EXAMPLES[name]["expect"]["coverage"]), True)]


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "classes" in EXAMPLES[name]["expect"]])
def test_classes(published: duckdb.DuckDBPyConnection, name: str) -> None:
    """The largest component of the variance behind a break, and what is said beside it."""
    found = rows(published, "select kind, class, note from finance.fct_breaks where source = ? order by all", name)
    assert [list(one) for one in found] == EXAMPLES[name]["expect"]["classes"]


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "runs" in EXAMPLES[name]["expect"]])
def test_runs(published: duckdb.DuckDBPyConnection, name: str) -> None:
    """Kind and class of waste by run (R22, R23)."""
    found = rows(
        published,
        "select run_id, kind, waste_class from finance.fct_run_cost where starts_with(run_id, ? || '/') order by 1",
        name,
    )
    assert {run.removeprefix(f"{name}/e1/"): told for run, *told in found} == EXAMPLES[name]["expect"]["runs"]


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "accrued" in EXAMPLES[name]["expect"]])
def test_accrued(published: duckdb.DuckDBPyConnection, name: str) -> None:
    found = rows(
        published,
        """select destination, sum(accrued_cost) from finance.fct_allocation where source = ? and accrued_cost <> 0
           group by 1""",
        name,
    )
    assert dict(found) == amounts(EXAMPLES[name]["expect"]["accrued"])


def test_e13_costs_belong_to_the_month_of_use(published: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        published,
        "select charge_month, reconciled_cost from finance.fct_event_cost_month where event_id = ? || '/e1'",
        "E13",
    )
    assert dict(found) == amounts(EXAMPLES["E13"]["expect"]["event_months"])


def test_e14_shares_fill_the_bill_in_call_order(published: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        published, "select reconciled_cost from finance.fct_allocation where source = ? order by call_id", "E14"
    )
    assert [cost for (cost,) in found] == [Decimal(text) for text in EXAMPLES["E14"]["expect"]["calls_in_order"]]


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_met_another_day_is_marked(published: duckdb.DuckDBPyConnection, name: str) -> None:
    found = rows(
        published,
        "select coalesce(sum(reconciled_cost), 0) from finance.fct_allocation where source = ? and timing",
        name,
    )
    assert found == [(Decimal(EXAMPLES[name]["expect"].get("timing", 0)),)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_met_as_cached_tokens_is_marked(published: duckdb.DuckDBPyConnection, name: str) -> None:
    expected = Decimal(EXAMPLES[name]["expect"].get("cache_semantics", 0))
    found = rows(
        published,
        """select coalesce(sum(cost), 0) from finance.bridge_match_group_usage join finance.dim_match_groups using (match_group_id)
           where source = ? and stage = 'cache'""",
        name,
    )
    assert found == [(expected,)]
    marked = rows(published, "select count(*) from finance.fct_allocation where source = ? and cache_semantics", name)
    assert (marked[0][0] > 0) == (expected != 0)
