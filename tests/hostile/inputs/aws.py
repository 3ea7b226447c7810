"""AWS's exports: manifests, and lines of FOCUS 1.2, CUR 2.0 and the legacy report."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.hostile.inputs import bills
from tests.hostile.inputs.told import Content, Gets, Good, Input, Refused, Rejected
from tests.sources.billing.aws_export import csv_gz, legacy, line

MANIFEST, FILE = "metadata/billing_period=2026-09/x-Manifest.json", "data/billing_period=2026-09/x-00001.csv.gz"
CUR, LEGACY = "data/BILLING_PERIOD=2026-09/x-00001.csv.gz", "20260901-20261001/x-00001.csv.gz"
NAMED = f"s3://acme/bills/x/{FILE}"
GOOD = gzip.compress(bills.GOOD, mtime=0)
ONE = bills.ONE


def manifest(*named: Any) -> bytes:
    return json.dumps({"executionId": "e", "dataFiles": list(named)}).encode()


def says(told: str) -> Refused:
    return Refused(told, None, MANIFEST)


#: A manifest → what it gets, beside one good file.
MANIFESTS: dict[str, tuple[Content, Gets]] = {
    "a manifest": (manifest(NAMED), ONE),
    "keys without a bucket": (manifest(f"bills/x/{FILE}"), ONE),
    "byte order mark": ("\ufeff".encode() + manifest(NAMED), ONE),
    "empty": (b"", says("not valid JSON")),
    "half of it": (manifest(NAMED)[:20], says("not valid JSON")),
    "lists in lists": (b"[" * 100_000, says("not valid JSON")),
    "NaN": (b'{"dataFiles": NaN}', says("not valid JSON")),
    "bytes that are no UTF-8": (b'{"dataFiles": ["\xff"]}', says("not valid JSON")),
    "a list": (b"[]", says("has no list dataFiles")),
    "null": (b"null", says("has no list dataFiles")),
    "files that are an object": (b'{"dataFiles": {}}', says("has no list dataFiles")),
    "files that are numbers": (manifest(1), says("has no list dataFiles")),
    "a file that is null": (manifest(NAMED, None), says("has no list dataFiles")),
    "no file": (manifest(), says("names no file")),
    "a file that is not there": (manifest(NAMED.replace("00001", "00002")), says("which is not there")),
    "a file twice": (manifest(NAMED, NAMED), says("twice")),
    "a file of another month": (manifest(NAMED.replace("2026-09", "2026-08")), says("which is not of this month")),
    "a file elsewhere": (manifest("s3://acme/secrets.csv"), says("is not below")),
    "a file above": (manifest("s3://acme/../../etc/passwd"), Refused("leads out of its folder")),
    "an absolute file": (manifest("/etc/passwd"), Refused("leads out of its folder")),
    "a file with NUL": (manifest(f"{NAMED}\0"), Refused("leads out of its folder")),
    "a name of 10 kB": (manifest(NAMED.replace("00001", "1" * 10_000)), says("which is not there")),
    "half a surrogate pair": (manifest(NAMED.replace("00001", "\ud800")), says("which is not there")),
}

#: Files of FOCUS 1.2 → what they get.
FILES: dict[str, tuple[Content, Gets]] = {
    "cut": (GOOD[:-10], Refused("ends early", None, FILE)),
    "of another month": (
        gzip.compress(bills.bill({"BillingPeriodStart": "2026-08-01T00:00:00Z"})),
        Refused("in the delivery of 2026-09", 3, FILE),
    ),
    "whose month overflows": (
        gzip.compress(bills.bill({"BillingPeriodStart": "9999-12-31T23:59:59-05:00"})),
        Refused("is out of range", 3, FILE),
    ),
    "with an amount beyond": (gzip.compress(bills.bill({"BilledCost": "1e10"})), Refused("beyond 9000000000", 3, FILE)),
    "with tags that are none": (
        gzip.compress(bills.bill({"Tags": "{'a': 1}"})),
        Rejected("is no JSON object", 10_000_000_003, "charges", 2, {"tags": None}),
    ),
    "empty": (gzip.compress(b""), Refused("no header", None, FILE)),
}

NO_AMOUNT = "is not a plain decimal amount"
UNUSED = "reservation_unused_recurring_fee"
#: Cells of a CUR line that differ from a good one's → what it gets.
CELLS: dict[str, tuple[dict[str, str], Gets]] = {
    "a line": ({}, Good("charges", 1, {"billed_cost": "1", "meter": "input_tokens"})),
    "cost of NaN": ({"line_item_unblended_cost": "NaN"}, Refused(NO_AMOUNT, 2, CUR)),
    "no cost": ({"line_item_unblended_cost": ""}, Refused("BilledCost is empty", 2, CUR)),
    "cost beyond": ({"line_item_unblended_cost": "9999999999"}, Refused("beyond 9000000000", 2, CUR)),
    "amount of NaN": ({"line_item_usage_amount": "NaN"}, Refused(NO_AMOUNT, 2, CUR)),
    "amount beyond": ({"line_item_usage_amount": "1e13"}, Refused("more than a bill counts", 2, CUR)),
    "unused fee of NaN": ({"line_item_line_item_type": "RIFee", UNUSED: "NaN"}, Refused(f"{UNUSED}: 'NaN'", 2, CUR)),
    "unused fee beyond": (
        {"line_item_line_item_type": "RIFee", UNUSED: "9999999999"},
        Refused("beyond 9000000000", 2, CUR),
    ),
    "a type nobody knows": (
        {"line_item_line_item_type": "Surprise"},
        Good("charges", 1, {"charge_category": "Adjustment", "billed_cost": "1"}),
    ),
    "no type": ({"line_item_line_item_type": ""}, Good("charges", 1, {"charge_category": "Adjustment", "model": None})),
    "a usage type nobody knows": (
        {"line_item_usage_type": "USE1-\u202e;--"},
        Good("charges", 1, {"model": None, "billed_cost": "1"}),
    ),
    "a usage type of 10 kB": ({"line_item_usage_type": "USE1-" + "x-" * 5_000}, Good("charges", 1, {"model": None})),
    "a unit nobody knows": ({"pricing_unit": "wishes"}, Good("charges", 1, {"quantity": None, "billed_cost": "1"})),
    "a huge unit": ({"pricing_unit": "99999999999999999999 tokens"}, Refused("more than a bill counts", 2, CUR)),
    "a currency of two letters": ({"line_item_currency_code": "US"}, Refused("is not an ISO 4217 code", 2, CUR)),
    "times in seconds": ({"line_item_usage_start_date": "1788998400"}, Refused("ChargePeriodStart: ", 2, CUR)),
    "a start of 1970": ({"line_item_usage_start_date": "1970-01-01T00:00:00Z"}, Refused("is not from 2000", 2, CUR)),
    "an end before the start": ({"line_item_usage_end_date": "2026-08-01T00:00:00Z"}, Refused("is before", 2, CUR)),
    "a month of another unit": (
        {"bill_billing_period_start_date": "1970-01-21T00:00:00Z"},
        Refused("in the delivery of 2026-09", 2, CUR),
    ),
    "a product that is no JSON": (
        {"product": "{not json", "product_product_name": ""},
        Good("charges", 1, {"billed_cost": "1"}),
    ),
    "a product of lists in lists": (
        {"product": "[" * 50_000, "product_product_name": ""},
        Good("charges", 1, {"billed_cost": "1"}),
    ),
    "tags that are no JSON": (
        {"resource_tags": "{not json"},
        Rejected("is no JSON object", 10_000_000_002, "charges", 1),
    ),
    "tags of lists in lists": (
        {"resource_tags": "[" * 50_000},
        Rejected("is no JSON object", 10_000_000_002, "charges", 1),
    ),
}


def _dated(**cells: str) -> dict[str, str]:
    """A line of September."""
    of_month = {
        "bill_billing_period_start_date": "2026-09-01T00:00:00.000Z",
        "line_item_usage_start_date": "2026-09-10T00:00:00.000Z",
        "line_item_usage_end_date": "2026-09-10T01:00:00.000Z",
    }
    return line(**of_month) | cells


def _delivered(file: str, content: Content) -> Mapping[str, Content]:
    if file == LEGACY:
        body = json.dumps({"reportKeys": [f"bills/x/{file}"]}).encode()
        return {"20260901-20261001/x-Manifest.json": body, file: content}
    partition = file.split("/")[1]
    return {f"metadata/{partition}/x-Manifest.json": manifest(f"s3://acme/bills/x/{file}"), file: content}


def inputs() -> Iterator[Input]:
    config: dict[str, Any] = {"kind": "aws", "earlier_months": 0}
    for name, (content, gets) in MANIFESTS.items():
        yield Input("aws", f"manifest: {name}", {MANIFEST: content, FILE: GOOD}, config | {"format": "focus_1_2"}, gets)
    yield Input(
        "aws", "a month without manifest", {FILE: GOOD}, config | {"format": "focus_1_2"}, Refused("no manifest")
    )
    for name, (content, gets) in FILES.items():
        yield Input("aws", f"a file {name}", _delivered(FILE, content), config | {"format": "focus_1_2"}, gets)
    for name, (cells, gets) in CELLS.items():
        files = _delivered(CUR, csv_gz([_dated(**cells)]))
        yield Input("aws_cur", name, files, config | {"format": "cur_2_0"}, gets)
    (row,) = legacy([_dated(line_item_unblended_cost="NaN")])
    yield Input(
        "aws_cur",
        "legacy: cost of NaN",
        _delivered(LEGACY, csv_gz([row])),
        config | {"format": "legacy_cur"},
        Refused(NO_AMOUNT, 2, LEGACY),
    )
    del row["lineItem/UnblendedCost"]
    gets = Refused("column line_item_unblended_cost is missing", None, LEGACY)
    yield Input(
        "aws_cur",
        "legacy: a column is missing",
        _delivered(LEGACY, csv_gz([row])),
        config | {"format": "legacy_cur"},
        gets,
    )
