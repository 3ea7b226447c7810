"""A billing export as Google keeps it, on the emulator."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from reconcilers.sources import registry
from reconcilers.sources.contract import Source

Json = dict[str, Any]
PROJECT = "billing-of-ours"
_DATASETS = count(1)

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
