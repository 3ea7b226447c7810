"""Rows of Google's billing export, as BigQuery answers over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.hostile.inputs.told import Content, Gets, Good, Input, Refused, Rejected, content_of
from tests.sources.billing.gcp_export import credited, used
from tests.sources.conftest import Api
from tests.sources.google_answers import Google

CONFIG = {"kind": "gcp", "table": "p-billing.export.t", "project": "p-jobs", "timeout_seconds": 2}
DAY = "2026-09-10"
OF_DAY = {
    "export_time": f"{DAY}T14:00:00Z",
    "usage_start_time": f"{DAY}T08:00:00Z",
    "usage_end_time": f"{DAY}T09:00:00Z",
    "invoice": {"month": "202609"},
}


def row(**changed: Any) -> str:
    return json.dumps(used(**(OF_DAY | changed)))


def good(**values: Any) -> Good:
    return Good("charges", 1, values)


def refused(says: str) -> Refused:
    return Refused(says, 1)


#: A row as BigQuery writes it → what it gets.
ROWS: dict[str, tuple[str, Gets]] = {
    "a row": (row(), good(billed_cost="3.6")),
    "cost as text": (row(cost="0.1"), good(billed_cost="0.1")),
    "cost of 1e-7": (row(cost=1e-7), good(billed_cost="0.0000001")),
    "cost of NaN": (row(cost="NaN"), refused("'NaN'")),
    "cost of -Infinity": (row(cost="-Infinity"), refused("'-Infinity'")),
    "cost of 1e300": (row(cost=1e300), refused("outside the range")),
    "cost beyond": (row(cost=1e10), refused("beyond 9000000000")),
    "cost that is a list": (row(cost=[1]), refused("cost is neither text nor number")),
    "no cost": (row(cost=None), refused("BilledCost is empty")),
    "credit of NaN": (row(credits=credited(1.0, amount="NaN")), refused("'NaN'")),
    "credits that are a text": (row(credits="none"), refused("credits")),
    "a type of cost nobody knows": (row(cost_type="surprise"), refused("is none of")),
    "a currency of two letters": (row(currency="US"), refused("is not an ISO 4217 code")),
    "an invoice month that is none": (row(invoice={"month": "202613"}), refused("BillingPeriodStart")),
    "exported on another day": (row(export_time="2026-09-11T00:00:00Z"), refused("was exported on 2026-09-11")),
    "exported at no time": (row(export_time="soon"), refused("export_time is no instant")),
    "used in 1970": (row(usage_start_time="1970-01-21T16:56:38Z"), refused("it looks like 2026-09-09")),
    "used backwards": (row(usage_end_time="2026-09-09T00:00:00Z"), refused("is before ChargePeriodStart")),
    "a SKU nobody knows": (row(sku={"id": "x", "description": "Holograms"}), good(model=None, billed_cost="3.6")),
    "labels that are a text": (row(labels="team=a"), Rejected("is no JSON object", 1, "charges", 1, {"tags": None})),
    "half a surrogate pair": (row(project={"id": "p\ud800"}), refused("half of a surrogate pair")),
    "NUL in a project": (row(project={"id": "p\0"}), good(sub_account_id="p\0")),
    "a project of 10 kB": (row(project={"id": "p" * 10_000}), good(sub_account_id="p" * 10_000)),
    "a service that is a text": (row(service="Vertex AI"), refused("is no JSON object")),
    "no JSON": ("{not json", refused("not valid JSON")),
    "a list": ("[]", refused("is no JSON object")),
    "lists in lists": ('{"cost": ' + "[" * 50_000, refused("not valid JSON")),
}


def answering(api: Api, files: Mapping[str, Content]) -> Google:
    """A table of one row: its day, how many rows that has, and the row."""
    line = content_of(files["row"]).decode()
    return Google(api, [[[DAY]], [["1", DAY, DAY]], [[line]]])


def inputs() -> Iterator[Input]:
    for name, (line, gets) in ROWS.items():
        yield Input("gcp", name, {"row": line.encode()}, CONFIG, gets)
