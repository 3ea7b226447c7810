"""The published tables as data frames: exact or asked for as floats, by month, and the notebook that shows it."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import reconcilers
from reconcilers.analysis import Finance
from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.duckdb import FINANCE_FILE
from tests.reports.published import publish

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebooks" / "unit_economics.ipynb"
FACTS = {"period": "2026-09-01", "as_of": "2026-10-03T06:00:00", "failed_units": [], "warnings": []}
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
LEAST = Decimal("0.000000001")


def unit_cost(month: date, slice_value: str, successes: int | None, cost: Decimal | None) -> dict[str, Any]:
    return {
        "month": month,
        "slice": "feature",
        "slice_value": slice_value,
        "events": 4,
        "successes": successes,
        "cost_per_success": cost,
        "all_in_cost_per_success": cost,
        "currency": "USD",
    }


def margin(month: date, tenant: str, feature: str, revenue: Decimal | None) -> dict[str, Any]:
    return {
        "month": month,
        "tenant_id": tenant,
        "feature_id": feature,
        "revenue": revenue,
        "direct_cost": Decimal("0.1"),
        "shared_cost": LEAST,
        "loaded_margin": None if revenue is None else revenue - Decimal("0.1") - LEAST,
        "share_attributed": Decimal("0.9"),
        "status": "provisional",
        "currency": "USD",
    }


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """Settings of a company that published two months."""
    tables = {
        "rpt_unit_costs": [
            unit_cost(SEPTEMBER, "chat", 2, Decimal("0.123456789")),
            unit_cost(OCTOBER, "chat", None, None),
        ],
        "fct_tenant_margin": [
            *(margin(SEPTEMBER, "ten_a", feature, Decimal("0.2")) for feature in ("chat", "search", "write")),
            margin(SEPTEMBER, "ten_b", "chat", None),
            margin(OCTOBER, "ten_a", "chat", Decimal("7")),
        ],
        "fct_event_cost_month": [
            {"event_id": "e1", "charge_month": OCTOBER, "production": True, "reconciled_cost": Decimal("9007199.254740993")}
        ],
        "rpt_invoice_waterfall": [{"step": "billed", "billing_period_start": SEPTEMBER, "cost": Decimal(1)}],
    }  # fmt: skip
    version = publish(tmp_path / "var", tables, FACTS)
    # Of the hourly watch, whose store is its own.
    with duckdb.connect(str(version.folder / FINANCE_FILE)) as file:
        file.execute("drop view main.fct_cost_hourly; drop table finance.fct_cost_hourly")
    (tmp_path / "reconcile.yaml").write_text("home: var\n")
    return tmp_path / "reconcile.yaml"


@pytest.fixture
def finance(company: Path) -> Iterator[Finance]:
    return reconcilers.open(company)


def test_amounts_are_exact_and_unknown_stays_unknown(finance: Finance) -> None:
    margins = finance.table("fct_tenant_margin", month="2026-09")
    assert margins["revenue"].sum() == Decimal("0.6")
    assert margins["revenue"].isna().sum() == 1
    assert margins["shared_cost"].sum() == 4 * LEAST
    costs = finance.table("rpt_unit_costs", columns=["month", "successes", "cost_per_success"])
    assert list(costs.columns) == ["month", "successes", "cost_per_success"]
    assert (costs["successes"].dtype, costs["month"].dtype.kind) == (pd.Int64Dtype(), "M")
    assert costs["successes"].isna().tolist() == [False, True]
    assert finance.query("select sum(successes) as n from finance.rpt_unit_costs")["n"].tolist() == [2]


def test_floats_come_where_they_are_asked_for(finance: Finance) -> None:
    asked = "select reconciled_cost from finance.fct_event_cost_month"
    assert finance.query(asked)["reconciled_cost"][0] == Decimal("9007199.254740993")
    assert finance.query(asked, floats=True)["reconciled_cost"].dtype == "float64"
    assert finance.table("fct_tenant_margin", month=SEPTEMBER, floats=True)["revenue"].sum() == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("table", "month", "rows"),
    [
        ("fct_tenant_margin", "2026-10", 1),
        ("finance.fct_tenant_margin", datetime(2026, 9, 30, 12), 4),
        ("fct_event_cost_month", "2026-10", 1),
        ("fct_event_cost_month", "2026-09", 0),
        ("rpt_invoice_waterfall", "2026-09-17", 1),
        ("fct_tenant_margin", None, 5),
    ],
)
def test_a_month_is_that_of_the_table(finance: Finance, table: str, month: str | date | None, rows: int) -> None:
    assert len(finance.table(table, month=month)) == rows


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "fct_tenant_margins"}, "there is no table 'fct_tenant_margins'; nearest is fct_tenant_margin"),
        ({"name": "fct_cost_hourly"}, "fct_cost_hourly is not in version 000001"),
        ({"name": "dim_tenants", "month": "2026-09"}, "rows of dim_tenants are of no month"),
        ({"name": "fct_tenant_margin", "month": "September"}, "'September' is no month"),
        ({"name": "fct_tenant_margin", "columns": ["1; drop table x"]}, "has no column '1; drop table x'"),
        ({"name": "fct_tenant_margin", "columns": ["revenu"]}, "no column 'revenu'; nearest is revenue"),
    ],
)
def test_what_cannot_be_answered_is_said(finance: Finance, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        finance.table(**arguments)


def test_values_are_bound(finance: Finance) -> None:
    sql = "select tenant_id from finance.fct_tenant_margin where tenant_id = ? and revenue > ? order by 1"
    assert finance.query(sql, "ten_a", Decimal("0.3"))["tenant_id"].tolist() == ["ten_a"]
    assert finance.query(sql, "' or true --", Decimal(0)).empty


def test_tables_and_columns_are_told(finance: Finance) -> None:
    tables = finance.tables().set_index("table")
    assert (tables["grain"]["fct_cost_per_outcome"], bool(tables["published"]["fct_cost_hourly"])) == ("event", False)
    columns = finance.columns("dim_tenants").set_index("column")
    assert columns["meaning"]["segment"] == "Segment of the tenant."


def test_before_the_first_publication_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "reconcile.yaml").write_text("home: var\n")
    with pytest.raises(SettingsInvalid, match="nothing is published yet"):
        reconcilers.open(tmp_path / "reconcile.yaml")


def test_the_version_that_was_opened_stays(company: Path, finance: Finance) -> None:
    shutil.rmtree(company.parent / "var" / "store")
    publish(company.parent / "var", {}, FACTS | {"period": "2026-10-01"})
    assert len(finance.table("fct_tenant_margin")) == 5
    assert reconcilers.open(company).table("fct_tenant_margin").empty
    assert repr(finance) == "<version 000001 of 2026-09-01, as known at 2026-10-03T06:00:00 UTC>"


def run(cell: str, names: dict[str, Any]) -> Any:
    """Run a cell; the value of its last line where that is an expression."""
    tree = ast.parse(cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


def test_the_notebook_runs_and_keeps_no_output(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = json.loads(NOTEBOOK.read_text())
    assert book["nbformat"] == 4
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert {(cell["execution_count"], *cell["outputs"]) for cell in cells} == {(None,)}
    monkeypatch.setenv("RECONCILE_CONFIG", str(company))
    names: dict[str, Any] = {}
    shown = [run("".join(cell["source"]), names) for cell in cells]
    assert names["month"] == SEPTEMBER
    assert names["features"]["cost_per_success"].tolist() == [Decimal("0.123456789")]
    chart = next(one for one in shown if type(one).__name__ == "Figure")
    assert list(chart.data[0].y) == [0.123456789]
    tenants = names["tenants"].set_index("tenant_id")
    assert tenants["revenue"]["ten_a"] == Decimal("0.6")
    assert pd.isna(tenants["loaded_margin"]["ten_b"])
    assert shown[-1] == Decimal("0.4") + 4 * LEAST
