"""Azure's exports: manifests, and lines of the FOCUS dataset and of cost details."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

from tests.hostile.inputs.told import Content, Gets, Good, Input, Refused, Rejected
from tests.sources.billing.azure_export import COSTS, DAYS, FOCUS, csv_of

RUN = f"{DAYS}/run"
MANIFEST, FILE = f"{RUN}/manifest.json", f"{RUN}/part_0_0001.csv"
PACKED = f"{FILE}.gz"
BLOB = f"costs/daily/{FILE}"
TOKENS = {"billed_cost": "10", "quantity": "5000000", "meter": "input_tokens"}
ONE = Good("charges", 1, TOKENS)
#: Its money counts, its tokens are not known.
UNCOUNTED = Good("charges", 1, TOKENS | {"quantity": None})


def manifest(*named: Any, **more: Any) -> bytes:
    return json.dumps({"blobs": [{"blobName": name} for name in named]} | more).encode()


def says(told: str) -> Refused:
    return Refused(told, None, MANIFEST)


#: A manifest → what it gets, beside one good file.
MANIFESTS: dict[str, tuple[Content, Gets]] = {
    "a manifest": (manifest(BLOB), ONE),
    "byte order mark": ("\ufeff".encode() + manifest(BLOB), ONE),
    "a time that is none": (manifest(BLOB, runInfo={"submittedTime": "yesterday"}), ONE),
    "a run that is a list": (manifest(BLOB, runInfo=[]), ONE),
    "rows that are words": (manifest(BLOB, blobs=[{"blobName": BLOB, "dataRowCount": "many"}]), ONE),
    "empty": (b"", says("not valid JSON")),
    "half of it": (manifest(BLOB)[:20], says("not valid JSON")),
    "lists in lists": (b"[" * 100_000, says("not valid JSON")),
    "NaN": (b'{"blobs": NaN}', says("not valid JSON")),
    "bytes that are no UTF-8": (b'{"blobs": ["\xff"]}', says("not valid JSON")),
    "a list": (b"[]", says("has no list blobs")),
    "null": (b"null", says("has no list blobs")),
    "partitions that are an object": (b'{"blobs": {}}', says("has no list blobs")),
    "partitions that are names": (json.dumps({"blobs": [BLOB]}).encode(), says("has no list blobs")),
    "a name that is a number": (manifest(1), says("has no list blobs")),
    "no partition": (manifest(), says("names no partition")),
    "another count": (manifest(BLOB, blobCount=2), says("names 1 of 2 partitions")),
    "a count that is a word": (manifest(BLOB, blobCount="one"), says("names 1 of one partitions")),
    "another dataset": (
        manifest(BLOB, exportConfig={"type": "PriceSheet"}),
        says("is of PriceSheet, not of FocusCost"),
    ),
    "a partition that is not there": (manifest(BLOB.replace("0001", "0002")), says("which is not there")),
    "a partition twice": (manifest(BLOB, BLOB), says("or twice")),
    "a partition of another month": (manifest(BLOB.replace("20260901", "20260801")), says("not in its folder")),
    "a partition elsewhere": (manifest("secrets.csv"), says("not in its folder")),
    "a partition above": (manifest("../../etc/passwd"), Refused("leads out of its folder")),
    "an absolute partition": (manifest("/etc/passwd"), Refused("leads out of its folder")),
    "a partition with NUL": (manifest(f"{BLOB}\0"), Refused("leads out of its folder")),
    "a name of 10 kB": (manifest(BLOB.replace("0001", "1" * 10_000)), says("which is not there")),
    "half a surrogate pair": (manifest(BLOB.replace("0001", "\ud800")), says("which is not there")),
}

NO_AMOUNT = "is not a plain decimal amount"
#: Cells of a line of the FOCUS dataset that differ from a good one's → what it gets.
CELLS: dict[str, tuple[dict[str, str], Gets]] = {
    "a line": ({}, ONE),
    "cost of NaN": ({"BilledCost": "NaN"}, Refused(NO_AMOUNT, 2, FILE)),
    "cost beyond": ({"BilledCost": "9999999999"}, Refused("beyond 9000000000", 2, FILE)),
    "list cost of NaN": ({"ListCost": "NaN"}, Refused(NO_AMOUNT, 2, FILE)),
    "quantity of NaN": ({"ConsumedQuantity": "NaN"}, Refused(NO_AMOUNT, 2, FILE)),
    "quantity beyond": ({"ConsumedQuantity": "1e13"}, UNCOUNTED),
    "tokens beyond": ({"ConsumedQuantity": "1e13", "ConsumedUnit": "Tokens"}, Refused("more than a bill", 2, FILE)),
    "a block of NaN": ({"x_PricingBlockSize": "NaN"}, ONE),
    "a block of words": ({"x_PricingBlockSize": "a few", "x_PricingUnitDescription": "wishes"}, UNCOUNTED),
    "a block of nothing": ({"x_PricingBlockSize": "0"}, ONE),
    "a block below nothing": ({"x_PricingBlockSize": "-1000"}, ONE),
    "a huge block": ({"x_PricingBlockSize": "1e400"}, ONE),
    "a price of NaN": ({"x_EffectiveUnitPrice": "NaN"}, UNCOUNTED),
    "a price beyond": ({"x_EffectiveUnitPrice": "1e300"}, UNCOUNTED),
    "a meter of 10 kB": ({"SkuMeter": "gpt 4.1 " * 1_250}, Good("charges", 1, {"model": None, "billed_cost": "10"})),
    "a meter nobody knows": (
        {"SkuMeter": "gpt \u202e;-- Tokens"},
        Good("charges", 1, {"model": None, "billed_cost": "10"}),
    ),
    "a month of another unit": ({"BillingPeriodStart": "1970-01-21T00:00:00Z"}, Refused("in the delivery of", 2, FILE)),
    "times in seconds": ({"ChargePeriodStart": "1788998400"}, Refused("ChargePeriodStart: ", 2, FILE)),
    "tags that are no JSON": (
        {"Tags": "not json"},
        Rejected("is no JSON object", 10_000_000_002, "charges", 1, {"tags": None}),
    ),
    "tags of lists in lists": ({"Tags": "[" * 50_000}, Rejected("is no JSON object", 10_000_000_002, "charges", 1)),
}

#: The same of cost details.
DETAILS: dict[str, tuple[dict[str, str], Gets]] = {
    "a line": ({}, ONE),
    "cost of NaN": ({"CostInBillingCurrency": "NaN"}, Refused(NO_AMOUNT, 2, FILE)),
    "no cost": ({"CostInBillingCurrency": ""}, Refused("BilledCost is empty", 2, FILE)),
    "quantity of NaN": ({"Quantity": "NaN"}, Refused(NO_AMOUNT, 2, FILE)),
    "no day": ({"Date": ""}, Refused("Date is empty", 2, FILE)),
    "a day that is none": ({"Date": "02/30/2026"}, Refused("'02/30/2026' is no day", 2, FILE)),
    "the day first": ({"Date": "14/09/2026"}, Refused("'14/09/2026' is no day", 2, FILE)),
    "the last day of time": ({"Date": "12/31/9999"}, Refused("'12/31/9999' is no day", 2, FILE)),
    "a period that is none": ({"BillingPeriodEndDate": "13/13/2026"}, Refused("is no day", 2, FILE)),
    "another month": ({"BillingPeriodStartDate": "08/01/2026"}, Refused("in the delivery of 2026-09", 2, FILE)),
    "no currency": ({"BillingCurrencyCode": ""}, Refused("BillingCurrency is empty", 2, FILE)),
    "a type nobody knows": (
        {"ChargeType": "Surprise"},
        Good("charges", 1, {"charge_category": "Adjustment", "billed_cost": "10"}),
    ),
    "a unit nobody knows": ({"UnitOfMeasure": "wishes"}, UNCOUNTED),
    "a huge unit": ({"UnitOfMeasure": "999999999999M"}, Refused("more than a bill counts", 2, FILE)),
    "tags that are no JSON": ({"Tags": "not json"}, Rejected("is no JSON object", 10_000_000_002, "charges", 1)),
}


def inputs() -> Iterator[Input]:
    config: dict[str, Any] = {"kind": "azure", "earlier_months": 0}
    for name, (content, gets) in MANIFESTS.items():
        yield Input("azure", f"manifest: {name}", {MANIFEST: content, FILE: csv_of([FOCUS])}, config, gets)
    yield Input("azure", "a month without manifest", {FILE: csv_of([FOCUS])}, config, Refused("no manifest.json"))
    packed = gzip.compress(csv_of([FOCUS]), mtime=0)[:-10]
    files: dict[str, Content] = {MANIFEST: manifest(f"costs/daily/{PACKED}"), PACKED: packed}
    yield Input("azure", "a cut file", files, config, Refused("ends early", None, PACKED))
    for name, (cells, gets) in CELLS.items():
        yield Input("azure", name, {MANIFEST: manifest(BLOB), FILE: csv_of([FOCUS | cells])}, config, gets)
    for name, (cells, gets) in DETAILS.items():
        details = config | {"dataset": "actual"}
        yield Input("azure details", name, {MANIFEST: manifest(BLOB), FILE: csv_of([COSTS | cells])}, details, gets)
