"""Google Cloud's bill: the standard usage cost export, a table in BigQuery that is only ever appended to.

https://cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/standard-usage. Google words model and meter in the description
of a SKU, writes doubles, and tells a credit inside the row that it lessens.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from reconcilers.sample_company.providers.bigquery_api import Row
from reconcilers.sample_company.providers.ledger import BillLine, Ledger
from reconcilers.sample_company.seen.facts import Key
from reconcilers.sample_company.world.company import GCP, INPUT, OUTPUT

COLUMNS = {
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
    "usage": {"amount": "FLOAT", "unit": "STRING", "amount_in_pricing_units": "FLOAT", "pricing_unit": "STRING"},
    "credits": [{"name": "STRING", "amount": "FLOAT", "full_name": "STRING", "id": "STRING", "type": "STRING"}],
    "invoice": {"month": "STRING", "publisher_type": "STRING"},
    "cost_type": "STRING",
    "adjustment_info": {"id": "STRING", "description": "STRING", "mode": "STRING", "type": "STRING"},
    "cost_at_list": "FLOAT",
}
_SERVICE_ID = "C7E2-9256-1C43"
_SKUS = {INPUT: ("FDAB-647C-5A22", "Input"), OUTPUT: ("A121-E2B5-1418", "Output")}
_TAX_SKU = "0E45-3B4A-F0E0"
_DISPLAYED = 1_000_000


def sku_of(key: Key) -> str:
    """The description of the SKU of a model's meter."""
    model, meter = str(key.model).replace("-", " ").title(), _SKUS[str(key.meter)][1]
    return f"{model} GA Text {meter} - Predictions"


def rows(ledger: Ledger, known_at: datetime) -> list[Row]:
    """Every row exported by then, each with the credits on it."""
    lines = list(ledger.lines_as_of(known_at, GCP))
    credits: dict[str, list[BillLine]] = defaultdict(list)
    for line in lines:
        for charge in line.charge.linked_line_ids:
            credits[charge].append(line)
    return [_row(line, credits[line.charge.line_id]) for line in lines if not line.charge.linked_line_ids]


def _row(line: BillLine, credits: list[BillLine]) -> Row:
    charge, key = line.charge, line.charge.key
    # Not money of ours: Google's own table holds doubles, and the shortest text of each is its decimal.
    money = {
        "cost": float(charge.billed_cost),
        "cost_at_list": None if charge.list_cost is None else float(charge.list_cost),
    }
    usage, sku = {}, {"id": _TAX_SKU, "description": line.description}
    if charge.quantity is not None:
        amount = float(charge.quantity)
        priced = {"amount_in_pricing_units": amount / _DISPLAYED, "pricing_unit": "million count"}
        usage = {"usage": {"amount": amount, "unit": "count", **priced}}
        sku = {"id": _SKUS[str(key.meter)][0], "description": sku_of(key)}
    return {
        "billing_account_id": key.billing_account_id,
        "service": {"id": _SERVICE_ID, "description": charge.service_name},
        "sku": sku,
        "usage_start_time": charge.charge_period_start,
        "usage_end_time": charge.charge_period_end,
        "project": {"id": key.sub_account_id, "number": "604512987701", "name": "Documents"}
        if key.sub_account_id
        else None,
        "labels": [],
        "system_labels": [],
        "location": {"location": "global"},
        "export_time": line.known_from,
        "currency": charge.billing_currency,
        "currency_conversion_rate": 1.0,
        "credits": [
            {
                "name": one.description,
                "full_name": one.description,
                "id": "acme-trial",
                "type": "PROMOTION",
                "amount": float(one.charge.billed_cost),
            }
            for one in credits
        ],
        "invoice": {"month": f"{charge.billing_period_start:%Y%m}", "publisher_type": "GOOGLE"},
        "cost_type": "tax" if charge.charge_category == "Tax" else "regular",
        **money,
        **usage,
    }
