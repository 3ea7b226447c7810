"""Databricks' billing tables: records, and prices of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.inputs.told import Gets, Good, Input, Refused, Rejected
from tests.sources.billing.databricks_export import FILE, OWN, PRICE, USAGE, csv_of, pricing

ONE = Good("charges", 1, {"billed_cost_text": "0.62500000000000000005", "quantity": None})
NO_AMOUNT = "is not a plain decimal amount"
LIST, ACCOUNT = "list_prices/part-0.csv", "account_prices/part-0.csv"
LANDED = "account_prices.csv"

#: Cells of a record that differ from a good one's → what it gets.
RECORDS: dict[str, tuple[dict[str, str], Gets]] = {
    "a record": ({}, ONE),
    "quantity of NaN": ({"usage_quantity": "NaN"}, Refused(NO_AMOUNT, 2, FILE)),
    "no quantity": ({"usage_quantity": ""}, Refused(NO_AMOUNT, 2, FILE)),
    "quantity beyond": ({"usage_quantity": "1e15"}, Refused("beyond 9000000000", 2, FILE)),
    "a time that is none": ({"usage_end_time": "soon"}, Refused("'soon'", 2, FILE)),
    "times in seconds": ({"usage_end_time": "1788998400"}, Refused("1788998400", 2, FILE)),
    "a type nobody knows": ({"record_type": "GUESS"}, Refused("record_type 'GUESS' is none of", 2, FILE)),
    "a retraction that adds": ({"record_type": "RETRACTION"}, Refused("a retraction of 12.5", 2, FILE)),
    "a SKU of 10 kB": ({"sku_name": "S" * 10_000}, Rejected("no price of SSS", 2, "charges", 0)),
    "metadata of lists in lists": ({"usage_metadata": "[" * 50_000}, ONE),
    "an endpoint that is a list": ({"usage_metadata": '{"endpoint_name": []}'}, ONE),
    "half a surrogate pair": (
        {"usage_metadata": '{"endpoint_name": "\\ud800"}'},
        Refused("half of a surrogate pair", 2, FILE),
    ),
    "tags that are no JSON": ({"custom_tags": "not json"}, Rejected("is no JSON object", 2, "charges", 1)),
}

#: The same of a price.
PRICES: dict[str, tuple[dict[str, str], Gets]] = {
    "a price of NaN": ({"pricing": pricing("NaN")}, Refused(NO_AMOUNT, 2, LANDED)),
    "a bare price": ({"pricing": "0.05"}, Refused("tells no price", 2, LANDED)),
    "lists in lists": ({"pricing": "[" * 50_000}, Refused("tells no price", 2, LANDED)),
    "a price that is a list": ({"pricing": '{"default": []}'}, Refused("tells no price", 2, LANDED)),
    "a price below nothing": (
        {"pricing": pricing("-0.05")},
        Good("charges", 1, {"billed_cost_text": "-0.62500000000000000005"}),
    ),
    "a price beyond": ({"pricing": pricing("1e9")}, Refused("beyond 9000000000", 2, FILE)),
    "a start that is none": ({"price_start_time": ""}, Refused("Invalid isoformat string", 2, LANDED)),
    "a currency that is none": ({"currency_code": "DBU!"}, Refused("is not an ISO 4217 code", 2, FILE)),
    "a price that ended": (
        {"price_end_time": "2026-02-01T00:00:00Z"},
        Rejected("no price of", 2, "charges", 0),
    ),
}


def inputs() -> Iterator[Input]:
    config: dict[str, Any] = {"kind": "databricks", "billed_at": "account_prices", "success_file": False}
    good = {LIST: csv_of(PRICE), ACCOUNT: csv_of(OWN), FILE: csv_of(USAGE)}
    for name, (cells, gets) in RECORDS.items():
        yield Input("databricks", name, good | {FILE: csv_of(USAGE | cells)}, config, gets)
    for name, (cells, gets) in PRICES.items():
        yield Input("databricks", name, good | {ACCOUNT: csv_of(OWN | cells)}, config, gets)
    yield Input("databricks", "no prices", {FILE: csv_of(USAGE)}, config, Refused("no export of list_prices"))
