"""Both warehouses publish the same finance tables, to the last digit, from the same landing.

BigQuery is an emulator here, or with ``BIGQUERY_PROJECT`` set a project of Google's. What the emulator proves is the arithmetic
and the flow; ``docs/warehouses.md`` says what only a real project can.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.declared.settings import BigQuerySettings, RowAccess, Settings, read_settings
from reconcilers.periods import Period, parse_day
from reconcilers.sample_company import sample, store
from reconcilers.sample_company.providers.server import serving
from reconcilers.sample_company.seen import knowledge
from reconcilers.warehouses import dbt
from reconcilers.warehouses.base import Published
from reconcilers.warehouses.bigquery import FinanceDataset
from reconcilers.warehouses.choice import warehouse_of
from tests import AT_LENGTH
from tests.claims.real.company import REAL_DATA, write_real_company
from tests.claims.scenarios import company_of_prices
from tests.claims.scenarios.company_of_examples import write_company
from tests.claims.scenarios.conftest import EXAMPLES
from tests.claims.scenarios.nights import land, publish
from tests.signed_in import sign_in
from tests.warehouses.emulator.reader import reader

Projects = Callable[[str], BigQuerySettings]
TABLES = "select table_name from information_schema.tables where table_schema = 'finance' order by 1"


def on_bigquery(settings: Settings, bigquery: BigQuerySettings) -> Settings:
    return settings.model_copy(update={"warehouse": "bigquery", "bigquery": bigquery})


def differences(ours: Published, theirs: Published) -> list[str]:
    """One line per finance table whose columns or rows are not the same on both sides."""
    assert isinstance(theirs, FinanceDataset)
    schema = theirs.warehouse.settings.published
    found = []
    names = [name for (name,) in ours.ask(TABLES).rows]
    assert len(names) > 10
    for name in names:
        left, right = ours.ask(f"select * from finance.{name}"), theirs.ask(f"select * from {schema}.{name}")
        if sorted(left.names) != sorted(right.names):
            found.append(f"{name}: columns {sorted(set(left.names) ^ set(right.names))}")
            continue
        order = [right.names.index(column) for column in left.names]
        here, there = Counter(left.rows), Counter(tuple(row[place] for place in order) for row in right.rows)
        found += [f"{name}: only here {row}" for row in list((here - there).elements())[:2]]
        found += [f"{name}: only there {row}" for row in list((there - here).elements())[:2]]
    return found


@pytest.mark.slow
@pytest.mark.skipif(not AT_LENGTH, reason="make long: minutes; tests/warehouses reads every model on BigQuery, too")
def test_every_worked_example(tmp_path: Path, project: Projects, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(write_company(tmp_path, EXAMPLES))
    period, as_of = Period(parse_day("2026-01-01"), parse_day("2026-10-02")), datetime(2026, 10, 5)
    land(settings, period, as_of)
    bigquery = on_bigquery(settings, project("examples"))
    ours, theirs = publish(settings, period, as_of), publish(bigquery, period, as_of)
    assert differences(ours, theirs) == []
    check_declared(theirs)
    check_row_access(bigquery, ours, theirs)

    # A model wrong by a billionth, which no audit of ours sees, is seen here.
    wrong = tmp_path / "dbt_project"
    shutil.copytree(dbt.PROJECT, wrong, ignore=shutil.ignore_patterns("target", "*.duckdb"))
    model = wrong / "models" / "marts" / "fct_run_cost.sql"
    right = "money('sum(estimated_cost)')"
    assert right in model.read_text()
    model.write_text(
        model.read_text().replace(right, """money("sum(estimated_cost) + cast('0.000000001' as decimal(38, 9))")""")
    )
    monkeypatch.setattr(dbt, "PROJECT", wrong)
    seen = {line.split(" ")[0] for line in differences(publish(settings, period, as_of), theirs)}
    assert seen == {"fct_run_cost:"}


#: A voided invoice, the one that stands for it and whose total is not what its lines make, its credit note, and a month no export has.
INVOICES = """InvoiceId,BillingPeriodStart,BillingCurrency,BilledCost,x_InvoiceTotal,ChargeCategory,InvoiceIssueStatus,ReferenceInvoiceId
B-1,2026-11,USD,3.15,,,Voided,
B-2,2026-11,USD,3.50,4.20,,,B-1
B-2,2026-11,USD,0.67,4.20,Tax,,B-1
B-3,2026-11,USD,-0.35,,Credit,,B-2
B-4,2026-10,USD,,1.00,,,
"""


@pytest.mark.slow
@pytest.mark.skipif(not AT_LENGTH, reason="make long: minutes, and the worked examples reach nearly the same SQL")
def test_prices_names_and_invoices(tmp_path: Path, project: Projects) -> None:
    file = company_of_prices.write_company(tmp_path)
    (tmp_path / "invoices").mkdir()
    (tmp_path / "invoices" / "bands.csv").write_text(INVOICES)
    file.write_text(f"{file.read_text()}invoices: [{{name: paid, kind: invoice_file, uri: invoices, bill: bands}}]\n")
    settings = read_settings(file)
    period, as_of = Period(parse_day("2026-11-01"), parse_day("2026-11-07")), datetime(2026, 11, 20)
    land(settings, period, as_of)
    bigquery = on_bigquery(settings, project("prices"))
    ours, theirs = publish(settings, period, as_of), publish(bigquery, period, as_of)
    sql = "select invoice_ids, difference from finance.fct_invoice_reconciliation where source = 'bands' order by 1"
    assert ours.ask(sql).rows == [("B-2 B-3", Decimal("0.03")), ("B-4", None)]
    assert differences(ours, theirs) == []


def check_declared(theirs: Published) -> None:
    """How tables kept by day are stored, as BigQuery tells it again."""
    assert isinstance(theirs, FinanceDataset)
    client, settings = theirs.warehouse.client, theirs.warehouse.settings
    runs = client.get_table(f"{settings.project}.{settings.prefix}intermediate.int_runs").to_api_repr()
    # Google tells it of the table, the emulator of its partitions.
    assert runs.get("requirePartitionFilter") or runs["timePartitioning"].get("requirePartitionFilter")
    for name in ("fct_run_cost", "fct_cost_per_outcome"):
        table = client.get_table(f"{settings.project}.{settings.published}.{name}")
        assert table.time_partitioning.field == "event_day"
        assert table.description
        assert all(field.description for field in table.schema)
        assert table.labels == {"application": "reconcile"}


def check_row_access(settings: Settings, ours: Published, theirs: Published) -> None:
    """Published again under row access policies: the same tables for the job, and for a tenant's reader its rows alone."""
    assert isinstance(theirs, FinanceDataset)
    plain = theirs.warehouse.settings
    (tenant, rows), *others = ours.ask(
        "select tenant_id, count(*) from finance.fct_tenant_margin group by 1 order by 2 desc, 1"
    ).rows
    assert others
    tenants = {"user:reader@acme.com": (tenant,)}
    # The emulator does not tell the job who it is.
    access = RowAccess(everything=("user:anonymous@bqemulator.local",), tenants=tenants)
    closed = on_bigquery(settings, plain.model_copy(update={"row_access": access}))
    again = warehouse_of(closed).publish(theirs.facts, 1)
    assert differences(ours, again) == []
    if os.environ.get("BIGQUERY_PROJECT"):
        return
    assert read_as(
        "user:reader@acme.com", plain, "select tenant_id, count(*) from {}.fct_tenant_margin group by 1"
    ) == [(tenant, rows)]
    for name in ("fct_reconciliation", "rpt_invoice_waterfall", "fct_allocation", "allocation_call_shares"):
        assert read_as("user:reader@acme.com", plain, f"select count(*) from {{}}.{name}") == [(0,)]
    open_again = on_bigquery(settings, plain.model_copy(update={"row_access": RowAccess()}))
    assert differences(ours, warehouse_of(open_again).publish(theirs.facts, 1)) == []
    assert read_as("user:reader@acme.com", plain, "select count(*) > 0 from {}.fct_reconciliation") == [(True,)]


def read_as(member: str, settings: BigQuerySettings, sql: str) -> list[tuple[Any, ...]]:
    return [
        tuple(row.values()) for row in reader(settings.project, member).query(sql.format(settings.published)).result()
    ]


@pytest.mark.slow
@pytest.mark.skipif(not AT_LENGTH, reason="make long: minutes, and tests/claims/real hold its tables to public answers")
@pytest.mark.skipif(not REAL_DATA, reason="REAL_DATA names no folder of public data sets")
def test_real_telemetry_and_a_real_bill(tmp_path: Path, project: Projects) -> None:
    settings = read_settings(write_real_company(tmp_path))
    period, as_of = Period(parse_day("2024-09-01"), parse_day("2026-04-02")), datetime(2026, 5, 1)
    land(settings, period, as_of)
    ours, theirs = publish(settings, period, as_of), publish(on_bigquery(settings, project("real")), period, as_of)
    assert ours.ask("select count(*) > 100 from finance.fct_cost_per_outcome").rows == [(True,)]
    assert differences(ours, theirs) == []


@pytest.mark.slow
@pytest.mark.skipif(not AT_LENGTH, reason="make long: minutes a company, and the worked examples reach the same SQL")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sample_companies(seed: int, tmp_path: Path, project: Projects, monkeypatch: pytest.MonkeyPatch) -> None:
    out, start = tmp_path / "company", date(2026, 9, 28)
    sample.make(seed, start, date(2026, 10, 2), 20, out)
    period = Period(start, knowledge.last_day(store.load(out)) + timedelta(days=1))
    with serving(out) as providers:
        sign_in(monkeypatch, providers)
        settings = read_settings(out / "reconcile.yaml")
        land(settings, period, providers.known_at)
    ours = publish(settings, period, providers.known_at)
    theirs = publish(on_bigquery(settings, project(f"seed-{seed}")), period, providers.known_at)
    assert differences(ours, theirs) == []
