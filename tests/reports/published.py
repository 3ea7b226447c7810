"""Versions published of a few rows, in the columns the project gives its finance tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from reconcilers.warehouses.dbt import PROJECT
from reconcilers.warehouses.duckdb import FINANCE_FILE, Store, Version

Rows = Sequence[Mapping[str, Any]]


def publish(home: Path, tables: Mapping[str, Rows], facts: Mapping[str, Any]) -> Version:
    """A version in which these tables have these rows, null where a row does not say; all others are empty."""
    store = Store(home)
    store.folder.mkdir(parents=True, exist_ok=True)
    described = [yaml.safe_load(path.read_text()) for path in sorted((PROJECT / "models" / "marts").rglob("_*.yml"))]
    models = [model for one in described for model in one.get("models", ())]
    with duckdb.connect(str(store.folder / FINANCE_FILE)) as candidate:
        candidate.execute("create schema finance")
        for model in models:
            name = model["name"]
            typed = ", ".join(f"{column['name']} {column['data_type']}" for column in model["columns"])
            candidate.execute(f"create table finance.{name} ({typed})")
            if rows := tables.get(name):
                told = {column for row in rows for column in row}
                candidate.register("told", pa.table({column: [row.get(column) for row in rows] for column in told}))
                candidate.execute(f"insert into finance.{name} by name from told")
    return store.publish(facts, keep=3)
