"""Hours of the company's own GPU node, a file a day: the node's own row, and one for what ran on it."""

from __future__ import annotations

from datetime import date, datetime

from reconcilers.sample_company.providers.focus_rows import table
from reconcilers.sample_company.providers.ledger import Ledger
from reconcilers.sample_company.providers.platforms import GPU_HOURS, GPU_USED_HOURS, OWN_MODEL
from reconcilers.sample_company.world.company import GPUS, GPUS_PREFIX


def objects(ledger: Ledger, known_at: datetime) -> dict[str, bytes]:
    """{key: content} of every day told by then."""
    days = sorted({line.charge.charge_period_start.date() for line in ledger.lines_as_of(known_at, GPUS)})
    return {f"{GPUS_PREFIX}/{day}.csv": table(_rows(day)) for day in days}


def _rows(day: date) -> list[dict[str, object]]:
    node: dict[str, object] = {"date": day, "node": "gpu-node-0", "type": "l40s", "pod": None, "hours": GPU_HOURS}
    return [node | {"model": None}, node | {"pod": "ocr-0", "hours": GPU_USED_HOURS, "model": OWN_MODEL}]
