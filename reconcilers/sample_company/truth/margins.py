"""Stage 2: revenue, direct cost, accruals and shared pools per tenant, feature and month (R26, R27, D10, D11)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from reconcilers.sample_company.seen.facts import Facts, RevenueLine
from reconcilers.sample_company.truth.bill import as_written, convert, rate_of
from reconcilers.sample_company.truth.books import AccruedKey, CallIndex, Entry
from reconcilers.sample_company.truth.calls import Call
from reconcilers.sample_company.truth.carve import carve, micros, to_nanos
from reconcilers.sample_company.truth.keys import DayKey, is_production

UNASSIGNED = "(unassigned)"
NO_FEATURE = "(none)"
SHARED = "(shared)"
BUNDLE = "(bundle)"
ON_CALLS = ("event", "untagged")

MarginKey = tuple[str, str, date]


@dataclass
class MarginNanos:
    """One tenant, feature and month, in nanos."""

    revenue: int = 0
    direct_cost: int = 0
    accrued_cost: int = 0
    shared_cost: int = 0

    def add(self, other: MarginNanos) -> None:
        self.revenue += other.revenue
        self.direct_cost += other.direct_cost
        self.accrued_cost += other.accrued_cost
        self.shared_cost += other.shared_cost

    def any(self) -> bool:
        return any((self.revenue, self.direct_cost, self.accrued_cost, self.shared_cost))


class Owners:
    """Whose a call's cost is: its own tenant and feature, else the only one among its event's production calls (R26, D10)."""

    def __init__(self, facts: Facts, calls: Iterable[Call]) -> None:
        self._tenants: dict[str, set[str]] = defaultdict(set)
        self._features: dict[str, set[str]] = defaultdict(set)
        for call in calls:
            if call.event_id is not None and is_production(call.environment, facts):
                if call.tenant_id is not None:
                    self._tenants[call.event_id].add(call.tenant_id)
                if call.feature_id is not None:
                    self._features[call.event_id].add(call.feature_id)

    def known(self, call: Call) -> tuple[str | None, str | None]:
        """Tenant and feature; ``None`` where nobody tells, or two are told."""
        return (
            call.tenant_id or _only(self._tenants, call.event_id),
            call.feature_id or _only(self._features, call.event_id),
        )

    def of(self, call: Call) -> tuple[str, str]:
        tenant, feature = self.known(call)
        return tenant or UNASSIGNED, feature or NO_FEATURE


def _only(known: dict[str, set[str]], event_id: str | None) -> str | None:
    values = known.get(event_id, set()) if event_id is not None else set()
    return next(iter(values)) if len(values) == 1 else None


def reckon_margins(
    facts: Facts, owners: Owners, calls: CallIndex, entries: list[Entry], accruals: dict[DayKey, AccruedKey]
) -> dict[MarginKey, MarginNanos]:
    """All rows; their sum is revenue − cost, of everything but ``out_of_scope``."""
    rows: dict[MarginKey, MarginNanos] = defaultdict(MarginNanos)
    for tenant, feature, day, amount in recognised(facts):
        rows[(tenant, feature, day.replace(day=1))].revenue += amount
    pools: dict[tuple[str, date], int] = defaultdict(int)
    for entry in entries:
        if entry.destination in ON_CALLS and entry.call_id is not None:
            tenant, feature = owners.of(calls.calls[entry.call_id])
            rows[(tenant, feature, entry.charge_month)].direct_cost += entry.amount
        elif entry.destination != "out_of_scope":
            pools[(entry.destination, entry.charge_month)] += entry.amount
    _add_accruals(rows, owners, calls, accruals)
    _share_pools(facts, rows, pools)
    revenue = sum(amount for _, _, _, amount in recognised(facts))
    cost = sum(entry.amount for entry in entries if entry.destination != "out_of_scope")
    margins = sum(row.revenue - row.direct_cost - row.shared_cost for row in rows.values())
    assert margins == revenue - cost, "R26: margins sum exactly to revenue − cost"
    assert sum(row.accrued_cost for row in rows.values()) == sum(one.total for one in accruals.values())
    return {key: row for key, row in rows.items() if row.any()}


def _add_accruals(
    rows: dict[MarginKey, MarginNanos], owners: Owners, calls: CallIndex, accruals: dict[DayKey, AccruedKey]
) -> None:
    for key, accrued in accruals.items():
        month = key.day.replace(day=1)
        for name, amount in accrued.on_calls.items():
            if calls.destination(name) in ON_CALLS:
                tenant, feature = owners.of(calls.calls[name])
            else:
                tenant, feature = UNASSIGNED, f"({calls.destination(name)})"
            rows[(tenant, feature, month)].accrued_cost += amount
        rows[(UNASSIGNED, "(no_telemetry)", month)].accrued_cost += accrued.no_telemetry


def _share_pools(facts: Facts, rows: dict[MarginKey, MarginNanos], pools: dict[tuple[str, date], int]) -> None:
    """R26, D10: pools with a driver move to tenants in bytewise order; what has no driver, or no weight, stays."""
    drivers: dict[tuple[str, date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (tenant, _, month), row in rows.items():
        if tenant != UNASSIGNED:
            drivers[("direct_cost", month)][tenant] += row.direct_cost
            drivers[("revenue", month)][tenant] += row.revenue
    for (destination, month), amount in pools.items():
        driver = drivers.get((facts.shared_cost_rules.get(destination, ""), month), {})
        tenants = sorted(driver, key=lambda tenant: tenant.encode())
        weights = [micros(driver[tenant]) for tenant in tenants]
        if sum(weights) == 0:
            rows[(UNASSIGNED, f"({destination})", month)].shared_cost += amount
            continue
        for tenant, share in zip(tenants, carve(amount, sum(weights), weights), strict=True):
            rows[(tenant, SHARED, month)].shared_cost += share


# --- revenue (R27, D11) ----------------------------------------------------------------------------------------------


def recognised(facts: Facts) -> list[tuple[str, str, date, int]]:
    """Revenue by tenant, feature and day, in nanos."""
    return [(line.tenant_id, feature, day, amount) for line, feature, day, amount in recognised_lines(facts)]


def recognised_lines(facts: Facts) -> list[tuple[RevenueLine, str, date, int]]:
    """Revenue by line, feature and day, in nanos: evenly by day; an accrual that an invoice line bills is dropped."""
    billed = {line.bills_revenue_id for line in facts.revenue if line.kind == "invoice"}
    found = []
    for line in facts.revenue:
        if line.kind == "accrual" and line.revenue_id in billed:
            continue
        days = _days(line)
        for feature, amount in _by_feature(facts, line):
            for day, share in zip(days, carve(amount, len(days), [1] * len(days)), strict=True):
                found.append((line, feature, day, share))
    return found


def _days(line: RevenueLine) -> list[date]:
    count = max(1, (line.service_period_end - line.service_period_start).days)
    return [line.service_period_start + timedelta(days=number) for number in range(count)]


def _by_feature(facts: Facts, line: RevenueLine) -> Iterable[tuple[str, int]]:
    rate = rate_of(facts, line.currency, line.service_period_start.replace(day=1))
    amount = 0 if rate is None else convert(as_written(line.amount), rate)
    if line.bundle_id is None:
        return [(line.feature_id or NO_FEATURE, amount)]
    prices = {feature: price for (bundle, feature), price in facts.bundle_prices.items() if bundle == line.bundle_id}
    features = sorted(prices, key=lambda feature: feature.encode())
    weights = [micros(to_nanos(prices[feature])) for feature in features]
    if sum(weights) == 0:
        return [(BUNDLE, amount)]
    return zip(features, carve(amount, sum(weights), weights), strict=True)
