"""What part of a cost telemetry explains, beside every margin (R28)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from reconcilers.sample_company.truth.books import AccruedKey, CallIndex, Entry
from reconcilers.sample_company.truth.keys import DayKey
from reconcilers.sample_company.truth.margins import ON_CALLS, MarginKey, Owners

#: R28: what stands in the denominator.
_COVERED = ("event", "untagged", "no_telemetry", "unexplained", "unmapped", "sampled_out")


@dataclass(frozen=True)
class Coverage:
    """Parts of production cost without accruals; ``None`` where there is no cost to be a part of."""

    attributed: Fraction | None
    reconciled: Fraction | None
    estimated: Fraction | None


@dataclass
class _Cost:
    by_destination: dict[str, int]
    #: what of it is provisional (R13)
    doubtful: dict[str, int]
    accrued: int = 0

    def coverage(self) -> Coverage:
        total = sum(self.by_destination[name] for name in _COVERED)
        on_calls = sum(self.by_destination[name] for name in ON_CALLS)
        sound = {name: self.by_destination[name] - self.doubtful[name] for name in ON_CALLS}
        return Coverage(
            _part(sound["event"], total),
            _part(sum(sound.values()), total),
            _part(self.accrued, self.accrued + on_calls),
        )


def _part(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def _cost() -> _Cost:
    return _Cost(defaultdict(int), defaultdict(int))


def find_coverage(
    owners: Owners, calls: CallIndex, entries: list[Entry], accruals: dict[DayKey, AccruedKey]
) -> dict[MarginKey, tuple[Coverage, Coverage]]:
    """(own, the month's) of every tenant, feature and month with production cost on calls."""
    own: dict[MarginKey, _Cost] = defaultdict(_cost)
    months: dict[date, _Cost] = defaultdict(_cost)
    for entry in entries:
        costs = [months[entry.charge_month]]
        if entry.call_id is not None and entry.destination in ON_CALLS:
            tenant, feature = owners.of(calls.calls[entry.call_id])
            costs.append(own[(tenant, feature, entry.charge_month)])
        for cost in costs:
            cost.by_destination[entry.destination] += entry.amount
            cost.doubtful[entry.destination] += entry.amount if entry.provisional else 0
    for key, accrued in accruals.items():
        month = key.day.replace(day=1)
        for name, amount in accrued.on_calls.items():
            if calls.destination(name) in ON_CALLS:
                months[month].accrued += amount
                own[(*owners.of(calls.calls[name]), month)].accrued += amount
    return {key: (cost.coverage(), months[key[2]].coverage()) for key, cost in own.items()}


def lower(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    """R28: a row's coverage is the lower of its own and its month's."""
    known = [value for value in (one, other) if value is not None]
    return min(known, default=None)
