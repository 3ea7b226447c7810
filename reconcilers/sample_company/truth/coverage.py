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

    def add(self, entry: Entry) -> None:
        self.by_destination[entry.destination] += entry.amount
        self.doubtful[entry.destination] += entry.amount if entry.provisional else 0

    def add_all(self, other: _Cost) -> None:
        for name, amount in other.by_destination.items():
            self.by_destination[name] += amount
            self.doubtful[name] += other.doubtful[name]

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
    return Fraction(part, whole) if whole > 0 else None


def _cost() -> _Cost:
    return _Cost(defaultdict(int), defaultdict(int))


@dataclass(frozen=True)
class Coverages:
    """Coverage of months, and within them of tenants, features and both together; ``None`` in a key is any."""

    of: dict[tuple[str | None, str | None, date], Coverage]
    #: of the month, over those billing sources alone that billed calls of a tenant and feature
    of_sources: dict[MarginKey, Coverage]

    def beside(self, tenant: str | None, feature: str | None, month: date) -> tuple[Coverage, Coverage]:
        """(own, the month's); nothing is known of what had no production cost."""
        nothing = Coverage(None, None, None)
        own = nothing if tenant is None and feature is None else self.of.get((tenant, feature, month), nothing)
        return own, self.of.get((None, None, month), nothing)


def find_coverage(
    owners: Owners, calls: CallIndex, entries: list[Entry], accruals: dict[DayKey, AccruedKey]
) -> Coverages:
    """Of every scope that has production cost."""
    of: dict[tuple[str | None, str | None, date], _Cost] = defaultdict(_cost)
    sources: dict[tuple[str, date], _Cost] = defaultdict(_cost)
    billed_by: dict[MarginKey, set[str]] = defaultdict(set)

    def scopes(call_id: str, month: date) -> list[_Cost]:
        tenant, feature = owners.of(calls.calls[call_id])
        return [of[tenant, feature, month], of[tenant, None, month], of[None, feature, month]]

    for entry in entries:
        month, source = entry.charge_month, entry.statement.source
        costs = [of[None, None, month], sources[source, month]]
        if entry.call_id is not None and entry.destination in ON_CALLS:
            costs += scopes(entry.call_id, month)
            billed_by[*owners.of(calls.calls[entry.call_id]), month].add(source)
        for cost in costs:
            cost.add(entry)
    for key, accrued in accruals.items():
        month = key.day.replace(day=1)
        for name, amount in accrued.on_calls.items():
            if calls.destination(name) in ON_CALLS:
                for cost in (of[None, None, month], *scopes(name, month)):
                    cost.accrued += amount
    of_sources = {}
    for row, its in billed_by.items():
        whole = _cost()
        for source in its:
            whole.add_all(sources[source, row[2]])
        of_sources[row] = whole.coverage()
    return Coverages({key: cost.coverage() for key, cost in of.items()}, of_sources)


def lower(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    """R28: a row's coverage is the lower of its own and its month's."""
    known = [value for value in (one, other) if value is not None]
    return min(known, default=None)
