"""A billing export as Google keeps it, on the emulator, and rows of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import count
from typing import Any

from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from tests.sources.conftest import Row, Taken

Json = dict[str, Any]
PROJECT = "billing-of-ours"
_DATASETS = count(1)
FIRST = "2026-10-01"
OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))
Land = Callable[..., Taken]

#: Columns as Google documents them: name, type, members of a record; ``[]`` is repeated.
STANDARD: Json = {
    "billing_account_id": "STRING",
    "service": {"id": "STRING", "description": "STRING"},
    "sku": {"id": "STRING", "description": "STRING"},
    "usage_start_time": "TIMESTAMP",
    "usage_end_time": "TIMESTAMP",
    "project": {"id": "STRING", "number": "STRING", "name": "STRING"},
    "labels": [{"key": "STRING", "value": "STRING"}],
    "system_labels": [{"key": "STRING", "value": "STRING"}],
    "location": {"location": "STRING", "country": "STRING", "region": "STRING", "zone": "STRING"},
    "export_time": "TIMESTAMP",
    "cost": "FLOAT",
    "currency": "STRING",
    "currency_conversion_rate": "FLOAT",
    "usage": {
        "amount": "FLOAT",
        "unit": "STRING",
        "amount_in_pricing_units": "FLOAT",
        "pricing_unit": "STRING",
    },
    "credits": [{"id": "STRING", "full_name": "STRING", "type": "STRING", "name": "STRING", "amount": "FLOAT"}],
    "invoice": {"month": "STRING", "publisher_type": "STRING"},
    "cost_type": "STRING",
    "adjustment_info": {"id": "STRING", "description": "STRING", "mode": "STRING", "type": "STRING"},
    "cost_at_list": "FLOAT",
}


DETAILED: Json = STANDARD | {"resource": {"name": "STRING", "global_name": "STRING"}}
FOCUS: Json = {
    "BilledCost": "NUMERIC",
    "EffectiveCost": "NUMERIC",
    "ListCost": "NUMERIC",
    "ContractedCost": "NUMERIC",
    "BillingAccountId": "STRING",
    "BillingCurrency": "STRING",
    "BillingPeriodStart": "TIMESTAMP",
    "BillingPeriodEnd": "TIMESTAMP",
    "ChargeCategory": "STRING",
    "ChargeClass": "STRING",
    "ChargeDescription": "STRING",
    "ChargePeriodStart": "TIMESTAMP",
    "ChargePeriodEnd": "TIMESTAMP",
    "ConsumedQuantity": "NUMERIC",
    "ConsumedUnit": "STRING",
    "ProviderName": "STRING",
    "ServiceName": "STRING",
    "SkuId": "STRING",
    "SubAccountId": "STRING",
    "RegionId": "STRING",
    "x_Credits": [{"Name": "STRING", "Amount": "NUMERIC", "FullName": "STRING", "Id": "STRING", "Type": "STRING"}],
    "x_CostType": "STRING",
    "x_ExportTime": "TIMESTAMP",
    "x_CurrencyConversionRate": "FLOAT",
    "x_Project": {"Id": "STRING", "Number": "STRING", "Name": "STRING"},
    "x_Labels": [{"Key": "STRING", "Value": "STRING"}],
}
USAGE: Json = {
    "billing_account_id": "01AB23-CD45EF-678901",
    "invoice": {"month": "202610", "publisher_type": "GOOGLE"},
    "cost_type": "regular",
    "service": {"id": "C7E2-9256-1C43", "description": "Vertex AI"},
    "sku": {"id": "A121-E2B5-1418", "description": "Gemini 2.5 Flash GA Text Output - Predictions"},
    "usage_start_time": "2026-10-01T08:00:00Z",
    "usage_end_time": "2026-10-01T09:00:00Z",
    "project": {"id": "tenant-a", "number": "1", "name": "Tenant A"},
    "labels": [{"key": "tenant", "value": "a"}, {"key": "env", "value": ""}],
    "system_labels": [],
    "location": {"location": "global"},
    "export_time": "2026-10-01T14:03:11.123456Z",
    "cost": 3.6,
    "currency": "USD",
    "currency_conversion_rate": 1.0,
    "usage": {"amount": 1600000.0, "unit": "count", "amount_in_pricing_units": 1.6, "pricing_unit": "million count"},
    "credits": [],
    "cost_at_list": 4.0,
}


def fields(columns: Json) -> list[Any]:
    """The columns as BigQuery's client wants them."""
    from google.cloud.bigquery import SchemaField

    made = []
    for name, kind in columns.items():
        mode = "REPEATED" if isinstance(kind, list) else "NULLABLE"
        members = kind[0] if isinstance(kind, list) else kind
        record = isinstance(members, dict)
        made.append(
            SchemaField(name, "RECORD" if record else members, mode=mode, fields=fields(members) if record else ())
        )
    return made


def used(cost: float = 3.6, **changes: Any) -> Json:
    """One row of the export; a member of a record is named ``record__member``."""
    row = {**USAGE, "cost": cost}
    for name, value in changes.items():
        top, _, member = name.partition("__")
        row[top] = {**(row.get(top) or {}), member: value} if member else value
    return row


def credited(*amounts: float, type: str = "DISCOUNT", **more: str) -> list[Json]:
    return [
        {"id": "", "full_name": "", "type": type, "name": f"{type} {n}", "amount": a, **more}
        for n, a in enumerate(amounts)
    ]


def focus_row(billed: str, effective: str, *credits: str, **changes: Any) -> Json:
    """One row of the FOCUS table."""
    return {
        "BilledCost": billed,
        "EffectiveCost": effective,
        "ListCost": "4",
        "ContractedCost": billed,
        "BillingAccountId": "01AB23-CD45EF-678901",
        "BillingCurrency": "EUR",
        # A month of Google's is one of its own clock: 07:00 in UTC.
        "BillingPeriodStart": "2026-10-01T07:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeDescription": USAGE["sku"]["description"],
        "ChargePeriodStart": "2026-10-01T08:00:00Z",
        "ChargePeriodEnd": "2026-10-01T09:00:00Z",
        "ConsumedQuantity": "1600000",
        "ConsumedUnit": "count",
        "ServiceName": "Vertex AI",
        "SkuId": "A121-E2B5-1418",
        "SubAccountId": "01AB23-CD45EF-678901",
        "x_Credits": [
            {"Name": "n", "Amount": amount, "FullName": "", "Id": "", "Type": "PROMOTION"} for amount in credits
        ],
        "x_ExportTime": "2026-10-01T14:03:11Z",
        "x_Project": {"Id": "tenant-a", "Number": "1", "Name": "Tenant A"},
        "x_Labels": [{"Key": "tenant", "Value": "a"}],
        **changes,
    }


@dataclass
class Export:
    """A billing export on the emulator, in a dataset of its own."""

    client: Any
    name: str
    config: Json = field(default_factory=dict)

    def append(self, *rows: Json) -> None:
        from google.cloud.bigquery import LoadJobConfig

        body = io.BytesIO("\n".join(map(json.dumps, rows)).encode())
        how = LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", schema=self.client.get_table(self.name).schema)
        self.client.load_table_from_file(body, self.name, job_config=how).result()

    def source(self, **config: Any) -> Source:
        return registry.load("billing", {"name": "gcp", "kind": "gcp", "table": self.name, **self.config, **config})


def make_export(*rows: Json, columns: Json = STANDARD, **config: Any) -> Export:
    """A table with these columns and rows in a dataset of its own, partitioned by ingestion; ``config`` is its source's."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    client = bigquery.Client(PROJECT, AnonymousCredentials())
    dataset = f"{PROJECT}.export_{next(_DATASETS)}"
    client.create_dataset(dataset)
    table = bigquery.Table(f"{dataset}.gcp_billing_export_v1_01AB23_CD45EF_678901", schema=fields(columns))
    table.time_partitioning = bigquery.TimePartitioning(type_="DAY")
    client.create_table(table)
    made = Export(client, str(table.reference), config)
    if rows:
        made.append(*rows)
    return made


def without(columns: Json, path: str) -> Json:
    top, _, member = path.partition(".")
    if not member:
        return {name: kind for name, kind in columns.items() if name != top}
    record = columns[top][0] if isinstance(columns[top], list) else columns[top]
    kept = {name: kind for name, kind in record.items() if name != member}
    return columns | {top: [kept] if isinstance(columns[top], list) else kept}


def exact(row: Row) -> Fraction:
    return Fraction(row["billed_cost"]) + Fraction(row["billed_cost_residual"], 10**27)


def total(rows: Sequence[Row]) -> Fraction:
    return sum(map(exact, rows), Fraction(0))


def stated(*texts: str) -> Fraction:
    return sum((Fraction(text) for text in texts), Fraction(0))


def charges(land: Land, source: Source, unit: str = FIRST) -> list[Row]:
    found = land(source, unit).rows.get("charges", [])
    assert len({row["charge_id"] for row in found}) == len(found)
    return found
