"""The ground truth on disk (``--out/ground_truth/``, JSON lines), so that serving and reckoning need no simulation.

Decimals and times are text. A record's fields are those of its dataclass; nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from reconcilers.sample_company.providers.ledger import BillLine, Ledger, ReportLine
from reconcilers.sample_company.seen.facts import (
    Charge,
    Invoice,
    InvoiceLine,
    Key,
    ReportedUsage,
    RevenueLine,
    Usage,
)
from reconcilers.sample_company.world.happened import Planted, TrueCall, TrueEvent, TrueOutcome, TrueRun, World
from reconcilers.sample_company.world.income import IncomeLine

FOLDER = "ground_truth"


@dataclass(frozen=True)
class Delivered:
    """One file the company's own systems deliver: below ``ground_truth/feed/`` always, below ``--out`` from ``known_from``."""

    path: str
    known_from: datetime


@dataclass
class GroundTruth:
    """Everything persisted: the world without its tools, the ledger, the invoices, the revenue, the files delivered."""

    world: World
    ledger: Ledger
    invoices: list[Invoice]
    income: list[IncomeLine]
    delivered: list[Delivered]


def save(out: Path, truth: GroundTruth) -> None:
    """Write the ground truth below ``out``; tools stay in the spans only, nothing reckons with them."""
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    world = truth.world
    head = {
        "seed": world.seed,
        "start": world.start,
        "end": world.end,
        "events_per_day": world.events_per_day,
        "amended_on": world.amended_on,
    }
    _write(folder / "world.jsonl", [head])
    _write(folder / "events.jsonl", world.events)
    _write(folder / "runs.jsonl", world.runs)
    _write(folder / "calls.jsonl", world.calls)
    _write(folder / "outcomes.jsonl", world.outcomes)
    _write(folder / "planted.jsonl", world.planted)
    _write(folder / "bill_lines.jsonl", truth.ledger.lines)
    _write(folder / "usage_report.jsonl", truth.ledger.reports)
    _write(folder / "invoices.jsonl", truth.invoices)
    _write(folder / "income.jsonl", truth.income)
    _write(folder / "delivered.jsonl", truth.delivered)


def load(out: Path) -> GroundTruth:
    """Read what ``save`` wrote. Raises ``FileNotFoundError`` where ``out`` holds no sample."""
    folder = out / FOLDER
    head = next(_read(folder / "world.jsonl"))
    world = World(
        head["seed"],
        date.fromisoformat(head["start"]),
        date.fromisoformat(head["end"]),
        head["events_per_day"],
        date.fromisoformat(head["amended_on"]),
    )
    world.events = [_event(row) for row in _read(folder / "events.jsonl")]
    world.runs = [_run(row) for row in _read(folder / "runs.jsonl")]
    world.calls = [_call(row) for row in _read(folder / "calls.jsonl")]
    world.outcomes = [_outcome(row) for row in _read(folder / "outcomes.jsonl")]
    world.planted = [_planted(row) for row in _read(folder / "planted.jsonl")]
    ledger = Ledger(
        [_bill_line(row) for row in _read(folder / "bill_lines.jsonl")],
        [_report_line(row) for row in _read(folder / "usage_report.jsonl")],
    )
    invoices = [_invoice(row) for row in _read(folder / "invoices.jsonl")]
    income = [_income(row) for row in _read(folder / "income.jsonl")]
    delivered = [Delivered(row["path"], _time(row["known_from"])) for row in _read(folder / "delivered.jsonl")]
    return GroundTruth(world, ledger, invoices, income, delivered)


def text_of(value: object) -> str:
    """How a value JSON has no type for is written: decimals plainly, never in E-notation."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value)} is not written")


def _write(path: Path, records: Iterable[Any]) -> None:
    with path.open("wb") as stream:
        for record in records:
            stream.write(orjson.dumps(record, default=text_of, option=orjson.OPT_APPEND_NEWLINE))


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as stream:
        for line in stream:
            yield orjson.loads(line)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _usage(rows: list[dict[str, Any]] | None) -> tuple[Usage, ...]:
    return tuple(Usage(**{**row, "quantity": Decimal(row["quantity"])}) for row in rows or ())


def _event(row: dict[str, Any]) -> TrueEvent:
    return TrueEvent(**{**row, "created_at": _time(row["created_at"])})


def _run(row: dict[str, Any]) -> TrueRun:
    row["started_at"], row["ended_at"] = _time(row["started_at"]), _time(row["ended_at"])
    return TrueRun(**row)


def _call(row: dict[str, Any]) -> TrueCall:
    row["usage"] = _usage(row["usage"])
    row["seen_usage"] = None if row["seen_usage"] is None else _usage(row["seen_usage"])
    row["started_at"], row["ended_at"] = _time(row["started_at"]), _time(row["ended_at"])
    return TrueCall(**row)


def _outcome(row: dict[str, Any]) -> TrueOutcome:
    value = None if row["value"] is None else Decimal(row["value"])
    return TrueOutcome(**{**row, "occurred_at": _time(row["occurred_at"]), "value": value})


def _planted(row: dict[str, Any]) -> Planted:
    day = None if row["day"] is None else date.fromisoformat(row["day"])
    return Planted(**{**row, "day": day, "ids": tuple(row["ids"]), "amount": Decimal(row["amount"])})


def _bill_line(row: dict[str, Any]) -> BillLine:
    charge = row["charge"]
    for name in ("billed_cost", "effective_cost", "list_cost", "quantity"):
        charge[name] = None if charge[name] is None else Decimal(charge[name])
    for name in ("charge_period_start", "charge_period_end"):
        charge[name] = _time(charge[name])
    charge["billing_period_start"] = date.fromisoformat(charge["billing_period_start"])
    charge["linked_line_ids"] = tuple(charge["linked_line_ids"])
    charge["key"] = Key(**charge["key"])
    until = row["superseded_at"]
    row["known_from"], row["superseded_at"] = _time(row["known_from"]), None if until is None else _time(until)
    return BillLine(**{**row, "charge": Charge(**charge)})


def _report_line(row: dict[str, Any]) -> ReportLine:
    reported = row["reported"]
    usage = ReportedUsage(
        reported["source"],
        Key(**reported["key"]),
        date.fromisoformat(reported["charge_day"]),
        Decimal(reported["quantity"]),
    )
    superseded = row["superseded_at"]
    return ReportLine(usage, _time(row["known_from"]), None if superseded is None else _time(superseded))


def _invoice(row: dict[str, Any]) -> Invoice:
    lines = (InvoiceLine(**{**line, "billed_cost": Decimal(line["billed_cost"])}) for line in row["lines"])
    days = {name: date.fromisoformat(row[name]) for name in ("billing_period_start", "issued_on")}
    total = None if row["total"] is None else Decimal(row["total"])
    return Invoice(**{**row, **days, "told_at": _time(row["told_at"]), "lines": tuple(lines), "total": total})


def _income(row: dict[str, Any]) -> IncomeLine:
    line = row["line"]
    for name in ("service_period_start", "service_period_end"):
        line[name] = date.fromisoformat(line[name])
    return IncomeLine(
        RevenueLine(**{**line, "amount": Decimal(line["amount"])}), _time(row["known_from"]), row["credits"]
    )
