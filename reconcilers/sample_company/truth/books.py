"""The books: every converted nano at its destination, down to calls (R5, R17 last step), and accruals (R25, D8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.bill import (
    MATCHING,
    Bill,
    BillCell,
    Line,
    Statement,
    as_written,
    convert,
    rate_of,
)
from reconcilers.sample_company.truth.calls import Call
from reconcilers.sample_company.truth.carve import carve, half_away, micros
from reconcilers.sample_company.truth.keys import DayKey, DayKeys, Filler, is_production
from reconcilers.sample_company.truth.usage import UsageCell

TRAILING_DAYS = 28
LEAST_BILLED_DAYS = 7


@dataclass(frozen=True)
class Entry:
    """Money (nanos) at a destination; ``call_id`` where a call carries it, ``matched`` if it reached matching (R4).

    ``provisional`` money is on usage that exceeds its bill by more than the policy ratio (R13). ``day`` is the UTC day a bill line
    without call is of; none if it covers more.
    """

    statement: Statement
    destination: str
    charge_month: date
    amount: int
    matched: bool
    call_id: str | None = None
    provisional: bool = False
    day: date | None = None


@dataclass(frozen=True)
class CallIndex:
    """Calls by id, and where their money goes (R5, R7)."""

    facts: Facts
    calls: dict[str, Call]

    def destination(self, name: str) -> str:
        call = self.calls[name]
        if not is_production(call.environment, self.facts):
            return "non_production"
        return "untagged" if call.event_id is None else "event"


def index_calls(facts: Facts, calls: list[Call]) -> CallIndex:
    """Calls by id."""
    by_id = {call.call_id: call for call in calls}
    assert len(by_id) == len(calls), "two calls have the same id"
    return CallIndex(facts, by_id)


def keep_books(
    facts: Facts, bill: Bill, usages: list[UsageCell], provisional: set[int], calls: CallIndex
) -> list[Entry]:
    """All entries: bill cells outside matching, rests, corrections, calls, and the distance of the exact sum (D13)."""
    entries: list[Entry] = []
    for cell in bill.cells:
        if cell.destination != MATCHING:
            day = _day(cell)
            entries.append(Entry(cell.statement, cell.destination, cell.charge_month, cell.cost, False, day=day))
        for name, amount in cell.rests.items():
            entries.append(Entry(cell.statement, name, cell.charge_month, amount, True, day=_day(cell)))
    for correction in bill.corrections:
        day = _day(correction.original)
        for name, amount in correction.rests.items():
            entries.append(Entry(correction.line.statement, name, correction.line.charge_month, amount, True, day=day))
    for line, name, matched in bill.loose:
        entries.append(Entry(line.statement, name, line.charge_month, line.effective, matched, day=_day(line)))
    for number, usage in enumerate(usages):
        entries.extend(_on_calls(usage, number in provisional, calls))
    for statement, billed in exact_billed(facts).items():
        rounded = sum(line.billed for line in bill.lines if line.statement == statement)
        month = statement.billing_period_start.replace(day=1)
        entries.append(Entry(statement, "rounding", month, billed - rounded, False))
    return [entry for entry in entries if entry.amount]


def _day(of: BillCell | Line) -> date | None:
    return None if of.is_month else date.fromisoformat(of.dims.time)


def _on_calls(usage: UsageCell, provisional: bool, calls: CallIndex) -> Iterable[Entry]:
    """R17, last step: per currency, billing period and charge month over the cell's calls, by quantity."""
    for (currency, billing_period, charge_month), amount in usage.received.items():
        statement = Statement(usage.dims.source, billing_period, currency)
        shares = carve(amount, usage.quantity, list(usage.calls.values()))
        for name, share in zip(usage.calls, shares, strict=True):
            yield Entry(statement, calls.destination(name), charge_month, share, True, name, provisional)


def exact_billed(facts: Facts) -> dict[Statement, int]:
    """R5, D13: the exact sum of the source text, converted and rounded once, in nanos; none without a rate."""
    sums: dict[Statement, Fraction] = defaultdict(Fraction)
    for charge in facts.charges:
        statement = Statement(charge.source, charge.billing_period_start, charge.billing_currency)
        sums[statement] += as_written(charge.billed_cost)
    billed = {}
    for statement, total in sums.items():
        rate = rate_of(facts, statement.currency, statement.billing_period_start)
        if rate is not None:
            billed[statement] = convert(total, rate)
    return billed


# --- accruals (R25, D8) ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AccruedKey:
    """One key's accrual in nanos: on calls, and the rest."""

    on_calls: dict[str, int]
    no_telemetry: int

    @property
    def total(self) -> int:
        return sum(self.on_calls.values()) + self.no_telemetry


def is_final(facts: Facts, filler: Filler, source: str, day: date) -> bool:
    """D7: the finality watermark of the source has passed for the day."""
    end = datetime.combine(day, time()) + timedelta(days=1)
    return facts.as_of >= end + timedelta(days=filler.source(source).finality_days)


def day_keys(filler: Filler, bill: Bill, usages: list[UsageCell]) -> DayKeys:
    """The day keys of all usage and of the bill cells that meet it."""
    cells = [(cell.dims, cell.is_month) for cell in bill.cells if cell.destination == MATCHING]
    return DayKeys(filler, [*cells, *((usage.dims, False) for usage in usages)])


def accrue(
    facts: Facts, filler: Filler, bill: Bill, usages: list[UsageCell], keys: DayKeys
) -> dict[DayKey, AccruedKey]:
    """R25, D8: what days not final yet are still expected to cost."""
    expected: dict[DayKey, list[UsageCell]] = defaultdict(list)
    for usage in usages:
        if not is_final(facts, filler, usage.dims.source, usage.day):
            expected[keys.of(usage.dims)].append(usage)
    daily = [cell for cell in bill.cells if cell.destination == MATCHING and not cell.is_month]
    billed: dict[DayKey, int] = defaultdict(int)
    for cell in daily:
        billed[keys.of(cell.dims)] += cell.cost
    accruals = {}
    for key, cells in expected.items():
        value = sum(_expected(cell) for cell in cells)
        full = half_away(value * _uncaptured(daily, key.source, key.day))
        accrual = max(0, full - billed.get(key, 0))
        if accrual:
            accruals[key] = _accrue_on_calls(accrual, value, cells)
    return accruals


def _expected(usage: UsageCell) -> int:
    """Contract value of a usage cell, rounded once; an unpriced usage expects nothing that could be accrued."""
    return 0 if usage.price is None else usage.value_in_nanos(usage.quantity)


def _uncaptured(daily: list[BillCell], source: str, day: date) -> Fraction:
    """1 + the trailing uncaptured share = (C + U) / C over the days before ``day``."""
    since = (day - timedelta(days=TRAILING_DAYS)).isoformat()
    before = [cell for cell in daily if cell.dims.source == source and since <= cell.dims.time < day.isoformat()]
    on_calls = sum(sum(cell.given.values()) for cell in before)
    uncaptured = sum(cell.rests.get("no_telemetry", 0) for cell in before)
    if len({cell.dims.time for cell in before}) < LEAST_BILLED_DAYS or on_calls <= 0:
        return Fraction(1)
    return Fraction(on_calls + uncaptured, on_calls)


def _accrue_on_calls(accrual: int, value: int, cells: list[UsageCell]) -> AccruedKey:
    already = sum(sum(cell.received.values()) for cell in cells)
    amount = min(accrual, max(0, value - already))
    weights = [micros(_expected(cell) - sum(cell.received.values())) for cell in cells]
    on_calls: dict[str, int] = defaultdict(int)
    if amount and sum(weights):
        for cell, share in zip(cells, carve(amount, sum(weights), weights), strict=True):
            cell.accrued = share
            for name, part in zip(cell.calls, carve(share, cell.quantity, list(cell.calls.values())), strict=True):
                on_calls[name] += part
    return AccruedKey({name: part for name, part in on_calls.items() if part}, accrual - sum(on_calls.values()))
