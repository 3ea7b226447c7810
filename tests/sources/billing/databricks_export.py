"""Records of Databricks' billing tables, and files of them as exports write them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

Cells = dict[str, str]
DAY = "2026-09-15"
FILE = f"usage/ingestion_date={DAY}/part-00000-c4f1.csv"
TOKENS = "ENTERPRISE_SERVERLESS_REAL_TIME_INFERENCE_EUROPE_FRANKFURT"

USAGE: Cells = {
    "record_id": "11e22ba4-0000-4000-8000-000000000001",
    "account_id": "23e22ba4-87b9-4cc2-9770-d10b894b7118",
    "workspace_id": "1234567890123456",
    "sku_name": TOKENS,
    "cloud": "AWS",
    "usage_start_time": "2026-09-15T09:00:00.000+00:00",
    "usage_end_time": "2026-09-15T10:00:00.000+00:00",
    "custom_tags": '{"team": "search"}',
    "usage_unit": "DBU",
    "usage_quantity": "12.500000000000000001",
    "usage_metadata": '{"endpoint_name": "databricks-meta-llama-3-3-70b-instruct", "cluster_id": null}',
    "record_type": "ORIGINAL",
    "billing_origin_product": "MODEL_SERVING",
    "usage_type": "TOKEN",
}


def pricing(default: str, effective: str | None = None) -> str:
    told: dict[str, Any] = {"default": default}
    return json.dumps(told if effective is None else told | {"effective_list": {"default": effective}})


PRICE: Cells = {
    "price_start_time": "2026-01-01T00:00:00.000+00:00",
    "price_end_time": "",
    "account_id": "23e22ba4-87b9-4cc2-9770-d10b894b7118",
    "sku_name": TOKENS,
    "cloud": "AWS",
    "currency_code": "USD",
    "usage_unit": "DBU",
    "pricing": pricing("0.08", "0.07"),
}
OWN = PRICE | {"pricing": pricing("0.05")}


def csv_of(*rows: Mapping[str, str], like: Mapping[str, str] = USAGE) -> bytes:
    """A file with these rows; without any it is a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0] if rows else like), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def parquet_of(*rows: Mapping[str, str]) -> bytes:
    """The same as Spark writes it: decimals, times, structs and maps of their own types."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    typed = []
    for row in rows:
        cells: dict[str, Any] = {name: text or None for name, text in row.items()}
        for name, text in row.items():
            if name.endswith("_time") and text:
                cells[name] = datetime.fromisoformat(text)
            elif name == "usage_quantity":
                cells[name] = Decimal(text)
            elif name in ("usage_metadata", "pricing"):
                cells[name] = json.loads(text)
            elif name == "custom_tags":
                cells[name] = list(json.loads(text).items())
        typed.append(cells)
    table = pa.Table.from_pylist(typed)
    if "custom_tags" in table.column_names:
        place = table.column_names.index("custom_tags")
        tags = pa.array([row["custom_tags"] for row in typed], pa.map_(pa.string(), pa.string()))
        table = table.set_column(place, "custom_tags", tags)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
