"""Databricks' bill: its billing tables as a job of the company's exports them, usage by the day it was ingested on, ``_SUCCESS`` last.

What was told wrong is taken back by a retraction and told again by a restatement, both ingested later.
https://docs.databricks.com/admin/system-tables/billing
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal

from reconcilers.sample_company.providers.focus_rows import table
from reconcilers.sample_company.providers.ledger import BillLine, Ledger
from reconcilers.sample_company.providers.platforms import DBU_LIST_PRICE, DBU_PRICE, RESTATED, RETRACTED
from reconcilers.sample_company.world.amounts import plain
from reconcilers.sample_company.world.company import (
    DATABRICKS,
    DATABRICKS_ACCOUNT,
    DATABRICKS_EXPORTS,
    DATABRICKS_WORKSPACE,
)

_SKU = "PREMIUM_JOBS_SERVERLESS_COMPUTE_US_EAST_N_VIRGINIA"
_RECORD_TYPES = {RETRACTED: "RETRACTION", RESTATED: "RESTATEMENT"}


def objects(ledger: Ledger, known_at: datetime) -> dict[str, bytes]:
    """{key: content}: a file for each day of ingestion, both tables of prices, and what says that all is written."""
    days: dict[date, list[BillLine]] = defaultdict(list)
    for line in ledger.lines_as_of(known_at, DATABRICKS):
        days[line.known_from.date()].append(line)
    if not days:
        return {}
    return {
        f"{DATABRICKS_EXPORTS}/usage/ingestion_date={day}/part-00000.csv": table(map(_record, lines))
        for day, lines in days.items()
    } | {
        f"{DATABRICKS_EXPORTS}/list_prices/part-00000.csv": table([_price(DBU_LIST_PRICE)]),
        f"{DATABRICKS_EXPORTS}/account_prices/part-00000.csv": table([_price(DBU_PRICE)]),
        f"{DATABRICKS_EXPORTS}/usage/_SUCCESS": f"{max(days)}\n".encode(),
    }


def _record(line: BillLine) -> dict[str, object]:
    charge = line.charge
    return {
        "record_id": charge.line_id,
        "account_id": DATABRICKS_ACCOUNT,
        "workspace_id": DATABRICKS_WORKSPACE,
        "sku_name": _SKU,
        "cloud": "AWS",
        "usage_start_time": f"{charge.charge_period_start:%Y-%m-%dT%H:%M:%S}.000+00:00",
        "usage_end_time": f"{charge.charge_period_end:%Y-%m-%dT%H:%M:%S}.000+00:00",
        "custom_tags": json.dumps({"team": "intake-products"}),
        "usage_unit": "DBU",
        "usage_quantity": plain(charge.billed_cost / DBU_PRICE),
        "usage_metadata": json.dumps({"job_id": "4120", "endpoint_name": None}),
        "record_type": _RECORD_TYPES.get(line.description, "ORIGINAL"),
        "billing_origin_product": charge.service_name,
        "usage_type": "COMPUTE_TIME",
    }


def _price(price: Decimal) -> dict[str, object]:
    return {
        "price_start_time": "2020-01-01T00:00:00.000+00:00",
        "price_end_time": None,
        "sku_name": _SKU,
        "cloud": "AWS",
        "currency_code": "USD",
        "usage_unit": "DBU",
        "pricing": json.dumps({"default": plain(price)}),
    }
