"""What the company has as files: spans by its Collectors, outcomes, accrued revenue, the invoices it was sent.

Every file is kept below ``ground_truth/feed/``. Below the sample's own folder stand those that had been delivered by
the time the sample is set to, so a night can be replayed.
"""

from __future__ import annotations

import csv
import io
import os
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

import orjson

from reconcilers.sample_company.store import FOLDER, Delivered, text_of
from reconcilers.sample_company.world.calendar import instant
from reconcilers.sample_company.world.happened import TrueOutcome
from reconcilers.sample_company.world.income import IncomeLine

FEED = f"{FOLDER}/feed"
TELEMETRY = "telemetry"
FOLDERS = (TELEMETRY, "invoices", "outcomes", "revenue")
#: Hour of the next day at which a day's outcomes are written.
_OUTCOMES_AT_HOUR = 2
REVENUE_COLUMNS = (
    "revenue_id",
    "tenant_id",
    "feature_id",
    "bundle_id",
    "kind",
    "bills_revenue_id",
    "service_period_start",
    "service_period_end",
    "amount",
    "currency",
    "pricing",
)


def write(out: Path, delivered: Delivered, content: bytes) -> Delivered:
    """Keep the content of one file."""
    path = out / FEED / delivered.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return delivered


def deliver(out: Path, files: Iterable[Delivered], known_at: datetime) -> None:
    """Make the sample's folders hold what had been delivered by ``known_at``, and nothing else."""
    for folder in FOLDERS:
        (out / folder).mkdir(exist_ok=True)
    for one in files:
        target = out / one.path
        if one.known_from > known_at:
            target.unlink(missing_ok=True)
        elif not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(out / FEED / one.path, target)


def outcomes_known_from(outcome: TrueOutcome) -> datetime:
    """When the statement is delivered."""
    return instant(outcome.occurred_at.date() + timedelta(days=1), _OUTCOMES_AT_HOUR)


def write_outcomes(out: Path, outcomes: Iterable[TrueOutcome]) -> list[Delivered]:
    """One NDJSON file a day, a statement a line."""
    days: dict[date, list[TrueOutcome]] = defaultdict(list)
    for outcome in outcomes:
        days[outcome.occurred_at.date()].append(outcome)
    found = []
    for day, statements in sorted(days.items()):
        ordered = sorted(statements, key=lambda one: (one.occurred_at, one.event_id, one.emitter))
        rows = [
            {
                "event_id": one.event_id,
                "outcome": one.outcome,
                "emitter": one.emitter,
                "occurred_at": one.occurred_at.isoformat(timespec="milliseconds") + "Z",
                "value": one.value,
                "currency": None if one.value is None else "USD",
                "reason": one.reason,
            }
            for one in ordered
        ]
        content = b"".join(orjson.dumps(row, default=text_of, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        file = Delivered(f"outcomes/{day}.ndjson", outcomes_known_from(ordered[0]))
        found.append(write(out, file, content))
    return found


def write_accruals(out: Path, income: Iterable[IncomeLine]) -> list[Delivered]:
    """One CSV file each time that revenue is accrued; what is invoiced, Stripe tells."""
    deliveries: dict[datetime, list[IncomeLine]] = defaultdict(list)
    for line in income:
        if line.line.kind == "accrual":
            deliveries[line.known_from].append(line)
    found = []
    for known_from, lines in sorted(deliveries.items()):
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(REVENUE_COLUMNS)
        for one in lines:
            values = (getattr(one.line, name) for name in REVENUE_COLUMNS)
            writer.writerow(["" if value is None else str(value) for value in values])
        file = Delivered(f"revenue/accruals-{known_from:%Y%m%dT%H%M}.csv", known_from)
        found.append(write(out, file, text.getvalue().encode()))
    return found
