"""What leaves the tables agrees with them, over the company of examples: exports, changes, prices."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcilers.declared.settings import Settings, read_settings
from reconcilers.focus_export import VERSIONS, dataset
from reconcilers.periods import FIRST_INSTANT, LAST_INSTANT
from reconcilers.reports.changes import PARTS, SECTIONS, changes_of_months
from reconcilers.reports.what_if import EVERYBODY, what_if
from reconcilers.warehouses.base import Published
from reconcilers.warehouses.choice import current
from reconcilers.warehouses.dbt import PROJECT


@pytest.fixture(scope="module")
def settings(examples_settings: Path) -> Settings:
    return read_settings(examples_settings)


@pytest.fixture(scope="module")
def published(settings: Settings) -> Published:
    return current(settings)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_export_sums_to_the_bill(settings: Settings, published: Published, version: str) -> None:
    sql = """select billing_period_start, source, billing_currency, sum(case when section = 'billed' then cost else 0 end),
             sum(case when section = 'destination' then cost else 0 end) from finance.rpt_invoice_waterfall group by 1, 2, 3"""
    bill = {row[:3]: row[3:] for row in published.ask(sql).rows}
    found: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for month in sorted({month for month, *_ in bill}):
        for row in dataset(settings, published, month, version).read_all().to_pylist():
            sums = found[month, row["x_Source"], row["x_BilledCurrency"]]
            sums[0] += row["BilledCost"]
            sums[1] += row["EffectiveCost"]
    assert {key: tuple(sums) for key, sums in found.items()} == bill
    # Prepaid money, a bill in another currency and tokens a nano apart are among them.
    assert any(billed != effective for billed, effective in bill.values())
    assert any(currency != "USD" for *_, currency in bill)


def test_what_lines_have_in_common_stands_on_their_shares(settings: Settings, published: Published) -> None:
    sql = "select distinct billing_period_start from finance.fct_allocation where source = 'E01'"
    ((month,),) = published.ask(sql).rows
    rows = [
        row for row in dataset(settings, published, month, "1.2").read_all().to_pylist() if row["x_Source"] == "E01"
    ]
    assert {row["x_Destination"] for row in rows} == {"event", "no_telemetry"}
    assert {(row["ServiceName"], row["ChargeCategory"], row["ServiceSubcategory"]) for row in rows} == {
        ("API", "Usage", "Generative AI")
    }
    assert len({(row["x_Model"], row["x_Meter"], row["BillingAccountId"], row["ProviderName"]) for row in rows}) == 1


def test_changes_of_months_sum_to_what_the_allocation_says(published: Published) -> None:
    sql = "select charge_month, sum(reconciled_cost) from finance.fct_allocation group by 1 having sum(reconciled_cost) <> 0"
    costs = dict(published.ask(f"{sql} order by 1").rows)
    months = sorted(costs)
    assert len(months) > 1
    for month, other in pairwise(months):
        changes = changes_of_months(published, published, month, other)
        for section in SECTIONS:
            mine = [one for one in changes if one.section == section]
            assert sum(one.change for one in mine) == costs[other] - costs[month]
            assert all(sum(getattr(one, part) for part in PARTS) == one.change for one in mine)


def test_prices_stand_on_the_unit_costs(published: Published) -> None:
    sql = """select month, slice_value, successes, cost_per_success_low, cost_per_success_high from finance.rpt_unit_costs
             where slice = 'feature' and events > 0"""
    bounds = {row[:2]: row[2:] for row in published.ask(sql).rows}
    assert len(bounds) > 20
    found = {
        (row.month, row.feature_id): (row.successes, row.break_even_low, row.break_even_high)
        for month in sorted({month for month, _ in bounds})
        for row in what_if(published, month=month)
        if row.tenant_id == EVERYBODY
    }
    assert {key: found[key] for key in bounds} == bounds


def test_metrics_are_what_the_tables_say(published: Published) -> None:
    """Measures as they are declared, against the tables that reports are made of."""
    declared = yaml.safe_load((PROJECT / "models" / "marts" / "semantic" / "_semantic.yml").read_text())
    measures = {
        measure["name"]: f"select {measure['agg']}({measure['expr']}) from finance.{model['model'][5:-2]}"
        for model in declared["semantic_models"]
        for measure in model.get("measures", ())
    }
    for name in ("successes", "waste_cost", "event_cost"):
        unit_costs = f"select sum({name}) from finance.rpt_unit_costs where slice = 'all'"
        assert published.ask(measures[name]).rows == published.ask(unit_costs).rows
    assert published.ask(measures["billed_cost"]).rows == published.ask(measures["carried_cost"]).rows
    revenue, direct, shared, loaded = (
        published.ask(measures[name]).rows[0][0] for name in ("revenue", "direct_cost", "shared_cost", "loaded_margin")
    )
    assert loaded == revenue - direct - shared


def test_days_are_those_anything_can_be_of(published: Published) -> None:
    sql = "select count(*), count(distinct calendar_day), min(calendar_day), max(calendar_day) from finance.dim_days"
    (row,) = published.ask(sql).rows
    first, last = FIRST_INSTANT.date(), LAST_INSTANT.date() - timedelta(days=1)
    assert row == ((last - first).days + 1, (last - first).days + 1, first, last)


def test_the_project_s_own_pages_are_made(settings: Settings, examples_settings: Path) -> None:
    command = [sys.executable, "-m", "reconcilers.cli", "dbt", "--config", str(examples_settings), "docs", "generate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    catalog = json.loads((settings.path(settings.home) / "dbt_by_hand" / "catalog.json").read_text())
    described = {node["metadata"]["name"] for node in catalog["nodes"].values()}
    assert {"fct_cost_per_outcome", "rpt_unit_costs", "dim_days"} <= described
