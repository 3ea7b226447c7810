"""Rows of tables of node hours and of OpenCost's allocations, and how a company declares them."""

from __future__ import annotations

from typing import Any

DAY = "2026-09-15"
Cells = dict[str, str]

NODE: Cells = {
    **{"date": DAY, "node": "node-a", "type": "h100x8", "pod": "", "namespace": "", "hours": "24", "gpus": "8"},
    **{"model": "", "tenant": "", "feature": ""},
}
POD = NODE | {
    "pod": "llama-0",
    "namespace": "chat",
    "gpus": "4",
    "model": "llama-3.3-70b",
    "tenant": "t1",
    "feature": "f1",
}
COLUMNS = {
    **{"day": "date", "node": "node", "node_type": "type", "workload": "pod", "project": "namespace", "hours": "hours"},
    **{"gpus": "gpus", "model": "model"},
}
LABELS = {"tenant": "tenant", "feature": "feature"}
RATE = {"node_type": "h100x8", "per_hour": "10.00", "currency": "USD"}

ALLOCATION: Cells = {
    **{"Date": DAY, "Namespace": "chat", "Pod": "llama-0", "Container": "vllm", "GPUs": "4", "GPUCost": "100.5"},
    **{"TotalCost": "120.123456789", "Labels": '{"model": "llama-3.3-70b", "tenant": "t1"}'},
}
IDLE = ALLOCATION | {"Namespace": "__idle__", "Pod": "", "Container": "", "TotalCost": "40.5", "Labels": ""}
COSTS: dict[str, Any] = {
    "columns": {
        "day": "Date",
        "workload": {"template": "{Namespace}/{Pod}/{Container}", "map": {"*__idle__*": "__idle__"}},
        "project": "Namespace",
        "cost": "TotalCost",
        "currency": {"constant": "USD"},
        "idle": {"column": "Namespace", "map": {"__idle__": "true", "*": "false"}},
        "model": "Labels.model",
    },
    "labels": {"tenant": "Labels.tenant"},
    "rates": [],
}
