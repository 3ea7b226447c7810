"""Snowflake's usage views: rows of the bill, and calls of Cortex that divide it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.inputs.told import CANARY, Gets, Good, Input, Refused, Rejected
from tests.sources.billing.snowflake_export import CALL, FILE, FUNCTIONS, TOTAL, USAGE, csv_of, total_of

ONE = Good("charges", 1, {"billed_cost_text": "30.01", "quantity": None})
#: What no view tells of is the last line.
DIVIDED = Good("charges", 2, {"billed_cost": "18.006"})
NO_AMOUNT = "is not a plain decimal amount"

#: Cells of a row that differ from a good one's → what it gets.
ROWS: dict[str, tuple[dict[str, str], Gets]] = {
    "a row": ({}, ONE),
    "an amount of NaN": ({"USAGE_IN_CURRENCY": "NaN"}, Refused(NO_AMOUNT, 2, FILE)),
    "an amount beyond": ({"USAGE_IN_CURRENCY": "1e15"}, Refused("beyond 9000000000", 2, FILE)),
    "no amount": ({"USAGE_IN_CURRENCY": ""}, Rejected("so its cost is not known", 2, "charges", 0)),
    "usage that is a formula": ({"USAGE": "=1+1"}, Refused(NO_AMOUNT, 2, FILE)),
    "usage of Infinity": ({"USAGE": "inf"}, Refused(NO_AMOUNT, 2, FILE)),
    "a day in seconds": ({"USAGE_DATE": "1788998400"}, Refused("usage_date: ", 2, FILE)),
    "a day of another month": ({"USAGE_DATE": "2026-10-01"}, Refused("in the delivery of 2026-09", 2, FILE)),
    "a currency that is none": ({"CURRENCY": "credits!"}, Refused("is not an ISO 4217 code", 2, FILE)),
    "a balance nobody knows": ({"BALANCE_SOURCE": "G" * 10_000}, Refused("balance source 'ggg", 2, FILE)),
    "a billing type nobody knows": ({"BILLING_TYPE": "gift"}, Refused("billing type 'GIFT' is none of", 2, FILE)),
    "a flag that is none": ({"IS_ADJUSTMENT": "maybe"}, Refused("is neither true nor false", 2, FILE)),
    "a credit that adds": ({"BILLING_TYPE": "support_credit"}, Refused("a credit of 30.01 adds", 2, FILE)),
    "a service of 10 kB": ({"SERVICE_TYPE": "S" * 10_000}, ONE),
    "a text that turns around": ({"USAGE_TYPE": "\u202e;--"}, ONE),
}

#: The same of a call.
CALLS: dict[str, tuple[dict[str, str], Gets]] = {
    "a call": ({"USER_ID": CANARY, "ROLE_NAMES": CANARY, "QUERY_TAG": CANARY, "QUERY_ID": CANARY}, DIVIDED),
    "credits of NaN": ({"CREDITS": "NaN"}, Refused(NO_AMOUNT, 2, FUNCTIONS)),
    "credits below nothing": ({"CREDITS": "-1"}, Refused("-1 credits", 2, FUNCTIONS)),
    "credits beyond": ({"CREDITS": "1e17"}, Rejected("so its line is not divided", 2, "charges", 1)),
    "a time that is none": ({"START_TIME": "soon"}, Refused("'soon'", 2, FUNCTIONS)),
    "metrics of lists in lists": ({"METRICS": "[" * 50_000}, DIVIDED),
    "metrics that count words": ({"METRICS": '[{"key": 1, "value": "seven"}]'}, DIVIDED),
    "half a surrogate pair": ({"METRICS": '[{"key": {"metric": "\\ud800", "unit": "tokens"}, "value": 1}]'}, DIVIDED),
    "a model of 10 kB": ({"MODEL_NAME": "m" * 10_000}, DIVIDED),
}


def inputs() -> Iterator[Input]:
    config: dict[str, Any] = {"kind": "snowflake"}
    for name, (cells, gets) in ROWS.items():
        row = USAGE | cells
        files = {FILE: csv_of(row), TOTAL: total_of(USAGE)}
        yield Input("snowflake", name, files, config | {"control_total": False}, gets)
    divided = config | {"control_total": False, "cortex": {FUNCTIONS.partition("/")[0]: ["AI_SERVICES"]}}
    for name, (cells, gets) in CALLS.items():
        yield Input("snowflake", name, {FILE: csv_of(USAGE), FUNCTIONS: csv_of(CALL | cells)}, divided, gets)
    for name, total, says in (
        ("a total of another sum", total_of(USAGE | {"USAGE_IN_CURRENCY": "1"}), "the month's total is 1 "),
        ("a total of more rows", total_of(USAGE, USAGE), "1 rows, the month's total tells 2"),
        ("a total of nothing", b"", "no header"),
    ):
        yield Input("snowflake", name, {FILE: csv_of(USAGE), TOTAL: total}, config, Refused(says))
