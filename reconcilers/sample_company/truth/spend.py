"""What is billed and accrued by the day, where it went and whom it was for; the class finance books it under."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.books import AccruedKey, CallIndex, Entry
from reconcilers.sample_company.truth.carve import to_money
from reconcilers.sample_company.truth.events import EventCost
from reconcilers.sample_company.truth.keys import DayKey, is_production
from reconcilers.sample_company.truth.margins import Owners
from reconcilers.sample_company.truth.tables import Table

UNCLASSIFIED = "(unclassified)"


@dataclass(frozen=True)
class Spend:
    """Nanos billed and accrued. ``day`` is the UTC day, none of what covers more, or is charged to another month than its day's.

    ``direct`` is the cost of production calls (R26); whom it is for is known of calls only.
    """

    month: date
    day: date | None
    source: str
    destination: str
    cost: int
    accrued: int
    direct: bool = False
    environment: str | None = None
    tenant_id: str | None = None
    feature_id: str | None = None
    prompt_version: str | None = None
    segment: str | None = None


def spending(
    facts: Facts,
    owners: Owners,
    calls: CallIndex,
    events: Mapping[str, EventCost],
    entries: list[Entry],
    accruals: dict[DayKey, AccruedKey],
) -> list[Spend]:
    """Every nano that is billed or accrued."""

    def of_call(name: str, month: date, source: str, cost: int, accrued: int) -> Spend:
        call = calls.calls[name]
        tenant, feature = owners.known(call)
        return Spend(
            month,
            call.day if call.day.replace(day=1) == month else None,
            source,
            calls.destination(name),
            cost,
            accrued,
            direct=is_production(call.environment, facts),
            environment=call.environment.lower() if call.environment is not None else None,
            tenant_id=tenant,
            feature_id=feature,
            prompt_version=events[call.event_id].prompt_version if call.event_id is not None else None,
            segment=facts.segments.get(tenant or ""),
        )

    found = []
    for entry in entries:
        source, month = entry.statement.source, entry.charge_month
        if entry.call_id is not None:
            found.append(of_call(entry.call_id, month, source, entry.amount, 0))
        else:
            day = entry.day if entry.day is not None and entry.day.replace(day=1) == month else None
            found.append(Spend(month, day, source, entry.destination, entry.amount, 0))
    for key, accrual in accruals.items():
        month = key.day.replace(day=1)
        found += [of_call(name, month, key.source, 0, amount) for name, amount in accrual.on_calls.items()]
        found.append(Spend(month, key.day, key.source, "no_telemetry", 0, accrual.no_telemetry))
    return found


@dataclass(frozen=True)
class ClassCost:
    """Cost of one class, destination and environment in a month."""

    reconciled_cost: Decimal
    accrued_cost: Decimal


def cost_classes(facts: Facts, spent: list[Spend]) -> Table:
    """Of the rows that fit, the one that names the environment counts, then the one that names the destination (D52)."""

    def class_of(one: Spend) -> str:
        fitting = [
            row
            for row in facts.cost_classes
            if row.environment is None or row.environment.lower() == one.environment
            if row.destination in (None, one.destination)
        ]
        fitting.sort(key=lambda row: (row.environment is None, row.destination is None))
        return fitting[0].cost_class if fitting else UNCLASSIFIED

    cost: dict[tuple[date, str, str, str | None], int] = defaultdict(int)
    accrued: dict[tuple[date, str, str, str | None], int] = defaultdict(int)
    for one in spent:
        key = one.month, class_of(one), one.destination, one.environment
        cost[key] += one.cost
        accrued[key] += one.accrued
    rows = {key: ClassCost(to_money(cost[key]), to_money(accrued[key])) for key in cost if cost[key] or accrued[key]}
    return Table("rpt_cost_classes", ("month", "cost_class", "destination", "environment"), ClassCost, rows)
