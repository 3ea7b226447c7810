"""Node hours at rates, and costs as OpenCost tells them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.inputs.told import Gets, Good, Input, Refused, Rejected
from tests.sources.billing.databricks_export import csv_of
from tests.sources.billing.gpu_hours_table import ALLOCATION, COLUMNS, COSTS, IDLE, LABELS, NODE, POD, RATE

DAY = "2026-09-10"
FILE = f"{DAY}.csv"
USED = Good("charges", 2, {"billed_cost": "120", "quantity": "345600"})
NO_AMOUNT = "is not a plain decimal amount"

#: Cells of a workload that differ from a good one's → what its day gets.
HOURS: dict[str, tuple[dict[str, str], Gets]] = {
    "a workload": ({}, USED),
    "hours of NaN": ({"hours": "NaN"}, Refused(NO_AMOUNT, 3, FILE)),
    "hours of a formula": ({"hours": "=1+1"}, Refused(NO_AMOUNT, 3, FILE)),
    "hours below nothing": ({"hours": "-1"}, Refused("hours: -1 is below 0", 3, FILE)),
    "hours beyond a day": ({"hours": "1e15"}, Refused("and a day has 24", 3, FILE)),
    "GPUs beyond": ({"gpus": "1e15"}, Refused("GPU hours on 2026-09-10 and had 192", 2, FILE)),
    "GPUs in commas": ({"gpus": "4,5"}, Refused(NO_AMOUNT, 3, FILE)),
    "a day in seconds": ({"date": "1788998400"}, Refused("day: ", 3, FILE)),
    "a day of another file": ({"date": "2026-09-11"}, Refused("in the delivery of 2026-09-10", 3, FILE)),
    "a node that is not there": ({"node": "\u202e;--"}, Refused("of which there is no row of its own", 3, FILE)),
    "a name of 10 kB": ({"pod": "p" * 10_000}, USED),
    "a label like JSON": ({"tenant": '"}], {"'}, USED),
}
#: The same of the node's own row.
NODES: dict[str, tuple[dict[str, str], Gets]] = {
    "a type without rate": ({"type": "T" * 10_000}, Rejected("no rate of node type TTT", 2, "charges", 0)),
    "no GPU": ({"gpus": "0"}, Refused("ran 96 GPU hours on 2026-09-10 and had 0", 2, FILE)),
    "no hours": ({"hours": ""}, Refused("hours is empty", 2, FILE)),
}
#: The same of an allocation.
ALLOCATIONS: dict[str, tuple[dict[str, str], Gets]] = {
    "an allocation": ({}, Good("charges", 2, {"billed_cost_text": "120.123456789"})),
    "a cost of NaN": ({"TotalCost": "NaN"}, Refused(NO_AMOUNT, 3, FILE)),
    "a cost beyond": ({"TotalCost": "9999999999"}, Refused("beyond 9000000000", 3, FILE)),
    "labels of lists in lists": ({"Labels": "[" * 50_000}, Refused("is no JSON", 3, FILE)),
    "labels that are no JSON": ({"Labels": "model=m"}, Refused("is no JSON", 3, FILE)),
    "idle alone": ({"Namespace": "__idle__"}, Refused("__idle__ is there twice", 3, FILE)),
}


def inputs() -> Iterator[Input]:
    config: dict[str, Any] = {"kind": "gpu_hours", "format": "csv"}
    hours = config | {"columns": COLUMNS, "labels": LABELS, "rates": [RATE]}
    node, pod = ({**row, "date": DAY} for row in (NODE, POD))
    for name, (cells, gets) in HOURS.items():
        yield Input("gpu hours", name, {FILE: csv_of(node, pod | cells)}, hours, gets)
    for name, (cells, gets) in NODES.items():
        yield Input("gpu hours", name, {FILE: csv_of(node | cells, pod)}, hours, gets)
    idle, one = ({**row, "Date": DAY} for row in (IDLE, ALLOCATION))
    for name, (cells, gets) in ALLOCATIONS.items():
        yield Input("gpu hours", name, {FILE: csv_of(idle, one | cells)}, config | COSTS, gets)
