"""The pack's queries are one text for both warehouses: the emulator of BigQuery answers each as DuckDB does."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from reconcilers.declared.settings import BigQuerySettings
from reconcilers.reports.pack import pack_of
from reconcilers.warehouses.bigquery import BigQuery, FinanceDataset
from reconcilers.warehouses.dbt import PROJECT
from tests.reports.pack.company import FACTS, OCTOBER, TABLES
from tests.reports.pack.conftest import Written


@pytest.fixture
def dataset(emulator: str, tmp_path: Path) -> FinanceDataset:
    """The same tables in a dataset of the emulator."""
    settings = BigQuerySettings(project="pack", published="finance")
    warehouse = BigQuery(settings, tmp_path)
    warehouse.client.create_dataset("finance", exists_ok=True)
    for path in sorted((PROJECT / "models" / "marts").rglob("_*.yml")):
        for model in yaml.safe_load(path.read_text()).get("models", ()):
            name = model["name"]
            columns = {column["name"]: column["data_type"].partition("(")[0] for column in model["columns"]}
            typed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            warehouse.query(f"create or replace table `pack.finance.{name}` ({typed})")
            rows = TABLES.get(name, ())
            told = sorted({column for row in rows for column in row})
            values = [f"({', '.join(literal(row.get(column)) for column in told)})" for row in rows]
            if values:
                warehouse.query(f"insert into `pack.finance.{name}` ({', '.join(told)}) values {', '.join(values)}")
    return FinanceDataset(warehouse, 1, dict(FACTS))


def literal(value: object) -> str:
    """A value in GoogleSQL."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Decimal):
        return f"numeric '{value:f}'"
    if isinstance(value, datetime):
        return f"timestamp '{value} UTC'"
    if isinstance(value, date):
        return f"date '{value}'"
    return json.dumps(value)


@pytest.mark.slow
def test_every_table_is_the_same_on_both(written: Written, dataset: FinanceDataset) -> None:
    here, there = pack_of(written.version, OCTOBER), pack_of(dataset, OCTOBER)
    assert there.tables.keys() == here.tables.keys()
    for key, table in here.tables.items():
        assert there.tables[key].missing == table.missing, key
        assert list(map(dict, there.tables[key].rows)) == list(map(dict, table.rows)), key
    assert there.cards == here.cards
