"""What a reader of the published dataset gets beside rows: their types, and what tables and columns mean."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from reconcilers.analysis import Finance
from reconcilers.declared.settings import BigQuerySettings, Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.focus_export import dataset
from reconcilers.reports.changes import changes_of_months, changes_of_publications
from reconcilers.reports.what_if import what_if
from reconcilers.warehouses.base import Column
from reconcilers.warehouses.bigquery import BigQuery, FinanceDataset
from reconcilers.warehouses.dbt import described


@pytest.fixture
def published(emulator: str, tmp_path: Path) -> FinanceDataset:
    """A dataset of one table that describes itself, and one of the audit trail."""
    from google.cloud import bigquery

    warehouse = BigQuery(BigQuerySettings(project="described"), tmp_path)
    warehouse.client.create_dataset("described.finance", exists_ok=True)
    costs = bigquery.Table(
        "described.finance.fct_costs",
        schema=[
            bigquery.SchemaField("tenant_id", "STRING", description="The customer."),
            bigquery.SchemaField("cost", "NUMERIC", description="Amount."),
        ],
    )
    costs.description = "Costs. Grain: tenant."
    warehouse.client.create_table(costs, exists_ok=True)
    warehouse.client.create_table("described.finance.allocation_int_calls", exists_ok=True)
    return FinanceDataset(warehouse, 1, {})


def test_tables_say_what_they_and_their_columns_mean(published: FinanceDataset) -> None:
    (table,) = published.tables()
    assert (table.name, table.meaning) == ("fct_costs", "Costs. Grain: tenant.")
    assert table.columns == [Column("tenant_id", "string", "The customer."), Column("cost", "numeric", "Amount.")]


def test_rows_come_with_their_types(published: FinanceDataset) -> None:
    sql = """select cast('0.000000001' as numeric) as cost, 'ten_a' as tenant_id, date '2026-09-01' as day,
             timestamp '2026-09-01 10:00:00' as told_at, ? as asked"""
    table = published.batches(sql, "x").read_all()
    assert table.schema.field("cost").type == pa.decimal128(38, 9)
    assert table.schema.field("told_at").type == pa.timestamp("us")
    row = {
        "cost": Decimal("1e-9"),
        "tenant_id": "ten_a",
        "day": date(2026, 9, 1),
        "told_at": datetime(2026, 9, 1, 10),
        "asked": "x",
    }
    assert table.to_pylist() == [row]
    with pytest.raises(SettingsInvalid, match="the query failed"):
        published.batches("select * from finance.nothing")


@pytest.fixture
def empty(emulator: str, tmp_path: Path) -> FinanceDataset:
    """Every table that the project describes, without rows."""
    from google.cloud import bigquery

    warehouse = BigQuery(BigQuerySettings(project="empty"), tmp_path)
    warehouse.client.create_dataset("empty.finance", exists_ok=True)
    for name, table in described().items():
        columns = [
            bigquery.SchemaField(column.name, column.type.partition("(")[0].upper().replace("BOOLEAN", "BOOL"))
            for column in table.columns
        ]
        warehouse.client.create_table(bigquery.Table(f"empty.finance.{name}", schema=columns), exists_ok=True)
    return FinanceDataset(warehouse, 1, {"period": "2026-09-01", "as_of": "2026-09-03T00:00:00"})


def test_what_reads_the_tables_asks_in_sql_that_bigquery_knows(empty: FinanceDataset, tmp_path: Path) -> None:
    """Nothing is there, and that is what each says: no query of theirs is refused."""
    september, october = date(2026, 9, 1), date(2026, 10, 1)
    assert changes_of_publications(empty, empty) == []
    with pytest.raises(SettingsInvalid, match="has no cost of 2026-09"):
        changes_of_months(empty, empty, september, october)
    with pytest.raises(SettingsInvalid, match="no published month has a success"):
        what_if(empty)
    with pytest.raises(SettingsInvalid, match="the company had no event in September 2026"):
        what_if(empty, month=september)
    with pytest.raises(SettingsInvalid, match="nothing is billed in September 2026"):
        dataset(Settings(home=tmp_path), empty, september, "1.2")
    assert Finance(empty).table("fct_tenant_margin", month="2026-09").empty
    assert Finance(empty).columns("dim_tenants")["column"].tolist() == ["tenant_id", "name", "segment", "declared"]
