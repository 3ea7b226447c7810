"""What a reader of the published dataset gets beside rows: their types, and what tables and columns mean."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from reconcilers.declared.settings import BigQuerySettings
from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.base import Column
from reconcilers.warehouses.bigquery import BigQuery, FinanceDataset


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
