"""Oracle Cloud's reports: lines and columns of both kinds, and files that are none."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

from tests.hostile.inputs.told import Content, Gets, Good, Input, Refused, Rejected
from tests.sources.billing.oci_report import COST, FOCUS, csv_of, gz_of

FILE = "2026/09/15/0001-00001.csv"
PACKED = f"{FILE}.gz"
ONE = Good("charges", 1, {"billed_cost": "1.25", "quantity": "100000"})
#: Its money counts, its quantity is in a unit nobody knows.
UNCOUNTED = Good("charges", 1, {"billed_cost": "1.25", "quantity": None})
NO_AMOUNT = "is not a plain decimal amount"

#: Cells of a line of a FOCUS report that differ from a good one's → what it gets.
FOCUS_CELLS: dict[str, tuple[dict[str, str], Gets]] = {
    "a line": ({}, ONE),
    "cost of NaN": ({"BilledCost": "NaN"}, Refused(NO_AMOUNT, 2, FILE)),
    "cost beyond": ({"BilledCost": "9999999999"}, Refused("beyond 9000000000", 2, FILE)),
    "a formula": ({"BilledCost": "=1+1"}, Refused(NO_AMOUNT, 2, FILE)),
    "quantity of NaN": ({"UsageQuantity": "NaN"}, Refused(NO_AMOUNT, 2, FILE)),
    "tokens beyond": ({"UsageQuantity": "1e13"}, Refused("more than a bill", 2, FILE)),
    "a unit nobody knows": ({"UsageUnit": "wishes"}, UNCOUNTED),
    "times in seconds": ({"ChargePeriodStart": "1788998400"}, Refused("ChargePeriodStart: ", 2, FILE)),
    "a name of 10 kB": ({"SkuId": "B" * 10_000}, ONE),
    "a text that turns around": ({"ServiceName": "\u202e;--"}, ONE),
    "a correction": ({"oci_BackReferenceNumber": "V2"}, Refused("corrects line V2", 2, FILE)),
    "a correction of 10 kB": ({"oci_BackReferenceNumber": "V" * 10_000}, Refused("corrects line VVV", 2, FILE)),
    "tags that are no JSON": ({"Tags": "not json"}, Rejected("is no JSON object", 2, "charges", 1, {"tags": None})),
    "tags of lists in lists": ({"Tags": "[" * 50_000}, Rejected("is no JSON object", 2, "charges", 1)),
}

#: The same of a cost report.
COST_CELLS: dict[str, tuple[dict[str, str], Gets]] = {
    "a line": ({}, UNCOUNTED),
    "cost of NaN": ({"cost/myCost": "NaN"}, Refused(NO_AMOUNT, 2, FILE)),
    "no cost": ({"cost/myCost": ""}, Refused("BilledCost is empty", 2, FILE)),
    "no currency": ({"cost/currencyCode": ""}, Refused("BillingCurrency is empty", 2, FILE)),
    "no time": ({"lineItem/intervalUsageStart": ""}, Refused("ChargePeriodStart is empty", 2, FILE)),
    "a flag nobody knows": ({"lineItem/isCorrection": "maybe"}, Refused("corrects line (not named)", 2, FILE)),
    "a tag like JSON": (
        {"tags/team": '"}], {"'},
        Good("charges", 1, {"billed_cost": "1.25", "tags": '{"team": "\\"}], {\\""}'}),
    ),
    "a tag without a name": ({"tags/": "x"}, Good("charges", 1, {"tags": '{"team": "search", "": "x"}'})),
}

#: Files that are none, or not of this kind → what they get.
FILES: dict[str, tuple[str, Content, Gets]] = {
    "a file of nothing": (FILE, b"", Refused("no header", None, FILE)),
    "a header alone": (FILE, csv_of(), Good("charges", 0, {})),
    "a cost report": (FILE, csv_of(COST), Refused("column BilledCost is missing", None, FILE)),
    "a cut file": (PACKED, gz_of(FOCUS)[:-10], Refused("ends early", None, PACKED)),
    "a file of another kind": (PACKED, gzip.compress(b"\x89PNG\r\n\xff\xfe"), Refused("is not UTF-8", 1, PACKED)),
    "a part that begins at two": (
        FILE.replace("-00001", "-00002"),
        csv_of(FOCUS),
        Refused("part 1 of 2 is missing"),
    ),
}


def inputs() -> Iterator[Input]:
    for name, (cells, gets) in FOCUS_CELLS.items():
        yield Input("oci focus", name, {FILE: csv_of(FOCUS | cells)}, _config("focus"), gets)
    for name, (cells, gets) in COST_CELLS.items():
        yield Input("oci cost", name, {FILE: csv_of(COST | cells)}, _config("cost"), gets)
    for name, (key, content, gets) in FILES.items():
        yield Input("oci focus", name, {key: content}, _config("focus"), gets)


def _config(report: str) -> dict[str, Any]:
    return {"kind": "oci", "report": report}
