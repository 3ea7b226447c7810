"""Lines of a Cost and Usage Report, in every format AWS delivers them in, and their delivery to a bucket."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.sources.conftest import Bucket

MONTH = "2026-10"
LEGACY_MONTH = "20261001-20261101"
Cells = dict[str, str]

BASE: Cells = {
    "identity_line_item_id": "line-1",
    "identity_time_interval": "2026-10-01T00:00:00Z/2026-10-01T01:00:00Z",
    "bill_invoice_id": "",
    "bill_invoicing_entity": "Amazon Web Services, Inc.",
    "bill_payer_account_id": "111122223333",
    "bill_billing_period_start_date": "2026-10-01T00:00:00.000Z",
    "line_item_usage_account_id": "222233334444",
    "line_item_line_item_type": "Usage",
    "line_item_usage_start_date": "2026-10-01T00:00:00.000Z",
    "line_item_usage_end_date": "2026-10-01T01:00:00.000Z",
    "line_item_product_code": "AmazonBedrock",
    "line_item_usage_type": "USE1-NovaLite-input-tokens",
    "line_item_operation": "InvokeModelInference",
    "line_item_usage_amount": "1",
    "line_item_currency_code": "USD",
    "line_item_unblended_cost": "1.0",
    "line_item_net_unblended_cost": "0.9",
    "line_item_line_item_description": "",
    "pricing_unit": "1K tokens",
    "pricing_public_on_demand_cost": "1.5",
    "product_product_name": "Amazon Bedrock",
    "product_region_code": "us-east-1",
    "reservation_effective_cost": "",
    "reservation_reservation_a_r_n": "",
    "reservation_unused_amortized_upfront_fee_for_billing_period": "",
    "reservation_unused_recurring_fee": "",
    "savings_plan_savings_plan_a_r_n": "",
    "savings_plan_savings_plan_effective_cost": "",
    "savings_plan_total_commitment_to_date": "",
    "savings_plan_used_commitment": "",
}


def line(kind: str = "Usage", cost: str = "1.0", **cells: str) -> Cells:
    """One CUR line in CUR 2.0 column names."""
    return BASE | {"line_item_line_item_type": kind, "line_item_unblended_cost": cost} | cells


LINES = [
    line(cost="0.0973", line_item_usage_amount="29.481"),
    line(cost="0.123456789012", line_item_usage_type="USE1-NovaLite-output-tokens", line_item_usage_amount="1234.5"),
    line("EdpDiscount", "-0.02", line_item_usage_amount="0", line_item_usage_type="", pricing_unit=""),
    line("Tax", "0.01", line_item_usage_end_date="2026-11-01T00:00:00.000Z", pricing_unit=""),
]
MONEY = {"Usage": [Decimal("-0.02"), Decimal("0.0973"), Decimal("0.123456789012")], "Tax": [Decimal("0.01")]}


def csv_gz(rows: Sequence[Mapping[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return gzip.compress(text.getvalue().encode(), mtime=0)


def csv_zip(rows: Sequence[Mapping[str, str]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("daily-1.csv", gzip.decompress(csv_gz(rows)))
    return out.getvalue()


def parquet(rows: Sequence[Mapping[str, str]]) -> bytes:
    """As AWS writes it: amounts are doubles, times are timestamps, ``product`` and ``resource_tags`` are maps."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {}
    for name in rows[0]:
        values = [row[name] or None for row in rows]
        if name.endswith(("cost", "amount", "Cost", "Quantity")):
            columns[name] = pa.array([None if v is None else float(v) for v in values], pa.float64())
        elif name.endswith(("_date", "Start", "End")):
            times = [None if v is None else datetime.fromisoformat(v) for v in values]
            columns[name] = pa.array(times, pa.timestamp("ms", "UTC"))
        else:
            columns[name] = pa.array(values, pa.string())
    if (names := columns.pop("product_product_name", None)) is not None:
        maps = [[("product_name", name)] for name in names.to_pylist()]
        columns["product"] = pa.array(maps, pa.map_(pa.string(), pa.string()))
        tags = [[("user_team", "search")]] * len(rows)
        columns["resource_tags"] = pa.array(tags, pa.map_(pa.string(), pa.string()))
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="snappy")
    return out.getvalue()


def legacy(rows: Sequence[Cells]) -> list[Cells]:
    """The same lines with the legacy report's column names: ``lineItem/UsageType``."""
    categories = ("identity", "bill", "line_item", "pricing", "product", "reservation", "savings_plan")

    def name(column: str) -> str:
        category = next(c for c in categories if column.startswith(f"{c}_"))
        words = [word.capitalize() for word in column.removeprefix(f"{category}_").split("_")]
        own = "".join(words)
        lower = category in ("pricing", "product") and column != "product_product_name"
        head = re.sub("_(.)", lambda match: match[1].upper(), category)
        return f"{head}/{own[0].lower() + own[1:] if lower else own}"

    return [{name(column): cell for column, cell in row.items()} | {"resourceTags/user:team": "search"} for row in rows]


def focus_rows(rows: Sequence[Cells]) -> list[Cells]:
    """The same lines as AWS's FOCUS 1.2 export tells them."""
    kinds = {"Tax": "Tax", "Usage": "Usage", "EdpDiscount": "Usage"}
    return [
        {
            "BilledCost": row["line_item_unblended_cost"],
            "EffectiveCost": row["line_item_unblended_cost"],
            "ListCost": row["pricing_public_on_demand_cost"],
            "ContractedCost": row["line_item_unblended_cost"],
            "BillingAccountId": row["bill_payer_account_id"],
            "BillingCurrency": "USD",
            "BillingPeriodStart": row["bill_billing_period_start_date"],
            "BillingPeriodEnd": "2026-11-01T00:00:00.000Z",
            "ChargePeriodStart": row["line_item_usage_start_date"],
            "ChargePeriodEnd": row["line_item_usage_end_date"],
            "ChargeCategory": kinds[row["line_item_line_item_type"]],
            "ServiceName": "Amazon Bedrock",
            "SubAccountId": row["line_item_usage_account_id"],
            "ConsumedQuantity": row["line_item_usage_amount"] if row["pricing_unit"] else "",
            "ConsumedUnit": row["pricing_unit"],
            "SkuMeter": row["line_item_usage_type"],
            "x_ServiceCode": "AmazonBedrock",
        }
        for row in rows
    ]


class Export:
    """An export below a folder of a bucket, delivered as AWS does: files first, then the manifest."""

    def __init__(self, bucket: Bucket, kind: str, folder: str = "bills/daily") -> None:
        self.bucket, self.kind, self.folder = bucket, kind, folder
        self.partition = {"cur_2_0": "BILLING_PERIOD", "focus_1_2": "billing_period"}.get(kind, "")

    def deliver(self, files: Sequence[bytes], execution: str = "", named: list[str] | None = None) -> list[str]:
        """Keys of the delivered files. ``named`` is what the manifest names instead."""
        inner = f"{execution}/" if execution else ""
        folder = (
            f"{self.folder}/{LEGACY_MONTH}"
            if self.kind == "legacy_cur"
            else f"{self.folder}/data/{self.partition}={MONTH}"
        )
        keys = [f"{folder}/{inner}daily-{number:05}.csv.gz" for number, _ in enumerate(files, 1)]
        for key, content in zip(keys, files, strict=True):
            self.bucket.put(key, content)
        if self.kind == "legacy_cur":
            body: dict[str, Any] = {"assemblyId": execution, "reportKeys": keys if named is None else named}
            for manifest in {f"{folder}/daily-Manifest.json", f"{folder}/{inner}daily-Manifest.json"}:
                self.bucket.put(manifest, json.dumps(body).encode())
        else:
            uris = [f"s3://{self.bucket.name}/{key}" for key in keys]
            body = {"executionId": execution, "dataFiles": uris if named is None else named}
            manifest = f"{self.folder}/metadata/{self.partition}={MONTH}/{inner}daily-Manifest.json"
            self.bucket.put(manifest, json.dumps(body).encode())
        return keys
