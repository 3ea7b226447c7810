"""Rows of Snowflake's usage views, and files of them as ``COPY INTO`` writes them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from tests.sources.billing.databricks_export import csv_of

Cells = dict[str, str]
MONTH = "2026-09"
FILE = f"usage_in_currency_daily/{MONTH}/data_0_0_0.csv"
TOTAL = f"usage_in_currency_daily_total/{MONTH}.csv"
FUNCTIONS = f"cortex_ai_functions_usage_history/{MONTH}/data_0_0_0.csv"

USAGE: Cells = {
    "ORGANIZATION_NAME": "ACME",
    "CONTRACT_NUMBER": "4711",
    "ACCOUNT_NAME": "PROD",
    "ACCOUNT_LOCATOR": "AB12345",
    "REGION": "AWS_EU_CENTRAL_1",
    "SERVICE_LEVEL": "Enterprise",
    "USAGE_DATE": "2026-09-15",
    "USAGE_TYPE": "overage-ai services",
    "USAGE": "10.000",
    "CURRENCY": "USD",
    "USAGE_IN_CURRENCY": "30.01",
    "BALANCE_SOURCE": "overage",
    "BILLING_TYPE": "CONSUMPTION",
    "RATING_TYPE": "AI_COMPUTE",
    "SERVICE_TYPE": "AI_SERVICES",
    "IS_ADJUSTMENT": "false",
}


def metrics(**counts: int) -> str:
    return json.dumps([{"key": {"metric": name, "unit": "tokens"}, "value": count} for name, count in counts.items()])


CALL: Cells = {
    "START_TIME": "2026-09-15 09:00:00.000 +0000",
    "END_TIME": "2026-09-15 10:00:00.000 +0000",
    "FUNCTION_NAME": "AI_COMPLETE",
    "MODEL_NAME": "claude-sonnet-4-5",
    "QUERY_ID": "01b2c3d4-0000-0001",
    "WAREHOUSE_ID": "7",
    "ROLE_NAMES": '["ADA_LOVELACE_ROLE"]',
    "QUERY_TAG": "",
    "USER_ID": "3141592",
    "METRICS": metrics(input=4_000, output=1_000),
    "CREDITS": "4.000000000",
    "IS_COMPLETED": "true",
    "ACCOUNT_NAME": "PROD",
}


def total_of(*rows: Mapping[str, str]) -> bytes:
    """The export of a month's total, as its statement sums it."""
    sums: dict[str, list[Any]] = {}
    for row in rows:
        told = sums.setdefault(row["CURRENCY"], [0, Decimal(0)])
        told[0] += 1
        told[1] += Decimal(row["USAGE_IN_CURRENCY"] or "0")
    lines = [f"{currency},{count},{amount}" for currency, (count, amount) in sums.items()]
    return "\n".join(["CURRENCY,ROW_COUNT,USAGE_IN_CURRENCY", *lines, ""]).encode()


def parquet_of(*rows: Mapping[str, str]) -> bytes:
    """The bill's rows as Snowflake unloads them: decimals, dates and booleans of their own types."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    typed: list[dict[str, Any]] = []
    for row in rows:
        cells: dict[str, Any] = {name: text or None for name, text in row.items()}
        cells["USAGE_DATE"] = date.fromisoformat(row["USAGE_DATE"])
        cells["IS_ADJUSTMENT"] = row["IS_ADJUSTMENT"] == "true"
        cells |= {name: Decimal(row[name]) for name in ("USAGE", "USAGE_IN_CURRENCY") if row[name]}
        typed.append(cells)
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(typed), sink)
    return sink.getvalue()


__all__ = ["CALL", "FILE", "FUNCTIONS", "MONTH", "TOTAL", "USAGE", "csv_of", "metrics", "parquet_of", "total_of"]
