"""What customers pay: seats and bundles by the month, outcomes accrued and then invoiced, reports over the included number, and a seat
that is credited. Accruals are the company's own reckoning; what is invoiced is in whole cents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from reconcilers.sample_company.seen.facts import RevenueLine
from reconcilers.sample_company.world.calendar import instant, month_of, next_month
from reconcilers.sample_company.world.company import (
    BUNDLE_ID,
    BUNDLE_PRICE_PER_SEAT,
    FEATURES,
    TENANTS,
    Feature,
    Tenant,
)
from reconcilers.sample_company.world.happened import TrueOutcome, World

#: Monthly fee of the report writer by segment, for the included reports: it is sold below what reports cost.
_REPORT_FEES = {"enterprise": Decimal("8.00"), "mid_market": Decimal("3.00"), "self_serve": Decimal("1.00")}
_CREDITED = "ten_hooli"
_CENT = Decimal("0.01")
_RANK = {"sdk": 0, "evaluator": 1, "human": 2, "system_of_record": 3}


@dataclass(frozen=True)
class IncomeLine:
    """One revenue line, the time from which the billing system tells it, and the line of an invoice that it takes off."""

    line: RevenueLine
    known_from: datetime
    credits: str | None = None


def earn(world: World) -> list[IncomeLine]:
    """Every revenue line of the months the world touches, in a stable order."""
    lines: list[IncomeLine] = []
    month = month_of(world.start)
    while month < world.end:
        for tenant in TENANTS:
            lines += _subscriptions(tenant, month)
        if month == month_of(world.start):
            lines.append(_credit(lines, month))
        lines += _outcomes(world, month)
        lines += _overage(world, month)
        month = next_month(month)
    return lines


def _subscriptions(tenant: Tenant, month: date) -> list[IncomeLine]:
    """Seats and the report fee, invoiced on the first of the month they are for."""
    known = instant(month, 5)
    lines = []
    if tenant.bundle:
        price = BUNDLE_PRICE_PER_SEAT * tenant.seats
        lines.append(
            IncomeLine(
                _invoice(f"bundle-{tenant.tenant_id}-{month:%Y%m}", tenant, None, month, price, BUNDLE_ID), known
            )
        )
    else:
        for feature in FEATURES:
            if feature.revenue_model == "per_seat":
                name = f"seats-{feature.feature_id}-{tenant.tenant_id}-{month:%Y%m}"
                lines.append(IncomeLine(_invoice(name, tenant, feature, month, feature.price * tenant.seats), known))
    for feature in FEATURES:
        if feature.revenue_model == "usage_overage":
            name = f"fee-{feature.feature_id}-{tenant.tenant_id}-{month:%Y%m}"
            lines.append(IncomeLine(_invoice(name, tenant, feature, month, _REPORT_FEES[tenant.segment]), known))
    return lines


def _credit(lines: list[IncomeLine], month: date) -> IncomeLine:
    """One seat of a customer's that was invoiced and never used, credited within the month and over all of it."""
    of = next(one.line for one in lines if one.line.tenant_id == _CREDITED and one.line.revenue_id.startswith("seats-"))
    price = next(feature.price for feature in FEATURES if feature.feature_id == of.feature_id)
    line = replace(of, revenue_id=f"credit-{of.revenue_id}", amount=-price)
    return IncomeLine(line, instant(month + timedelta(days=11), 9), credits=of.revenue_id)


def _outcomes(world: World, month: date) -> list[IncomeLine]:
    """Successes priced per outcome: an accrual when the month ends, the invoice that bills it three days later."""
    lines = []
    accrued_at, invoiced_at = instant(next_month(month), 2), instant(next_month(month) + timedelta(days=3), 8)
    accrued, invoiced = _successes(world, month, accrued_at), _successes(world, month, invoiced_at)
    for feature in FEATURES:
        if feature.revenue_model != "per_outcome":
            continue
        for tenant in TENANTS:
            count = accrued[tenant.tenant_id, feature.feature_id]
            billed = invoiced[tenant.tenant_id, feature.feature_id]
            name = f"{feature.feature_id}-{tenant.tenant_id}-{month:%Y%m}"
            if count:
                line = _invoice(f"accrual-{name}", tenant, feature, month, feature.price * count, kind="accrual")
                lines.append(IncomeLine(line, accrued_at))
            if billed or count:
                bills = f"accrual-{name}" if count else None
                line = _invoice(f"outcomes-{name}", tenant, feature, month, feature.price * billed, bills=bills)
                lines.append(IncomeLine(line, invoiced_at))
    return lines


def _overage(world: World, month: date) -> list[IncomeLine]:
    """Reports beyond the included number, invoiced three days after the month."""
    lines = []
    known = instant(next_month(month) + timedelta(days=3), 8)
    counts = Counter(
        (e.tenant_id, e.feature_id)
        for e in world.events
        if e.environment == "production" and month_of(e.created_at.date()) == month
    )
    for feature in FEATURES:
        for tenant in TENANTS:
            over = counts[tenant.tenant_id, feature.feature_id] - feature.included
            if feature.revenue_model == "usage_overage" and over > 0:
                name = f"overage-{feature.feature_id}-{tenant.tenant_id}-{month:%Y%m}"
                line = _invoice(name, tenant, feature, month, feature.price * over, pricing="overage")
                lines.append(IncomeLine(line, known))
    return lines


def _successes(world: World, month: date, as_of: datetime) -> Counter[tuple[str, str]]:
    """Production events of the month that count as success at ``as_of``, by tenant and feature."""
    decided: dict[str, TrueOutcome] = {}
    for outcome in world.outcomes:
        if outcome.occurred_at > as_of:
            continue
        known = decided.get(outcome.event_id)
        if known is None or (_RANK[known.emitter], known.occurred_at) < (_RANK[outcome.emitter], outcome.occurred_at):
            decided[outcome.event_id] = outcome
    return Counter(
        (e.tenant_id, e.feature_id)
        for e in world.events
        if e.environment == "production"
        and month_of(e.created_at.date()) == month
        and e.event_id in decided
        and decided[e.event_id].outcome == "success"
    )


def _invoice(
    revenue_id: str,
    tenant: Tenant,
    feature: Feature | None,
    month: date,
    amount: Decimal,
    bundle_id: str | None = None,
    kind: str = "invoice",
    bills: str | None = None,
    pricing: str | None = None,
) -> RevenueLine:
    amount *= tenant.pays
    return RevenueLine(
        revenue_id=revenue_id,
        tenant_id=tenant.tenant_id,
        feature_id=feature.feature_id if feature else None,
        kind=kind,
        service_period_start=month,
        service_period_end=next_month(month),
        amount=amount if kind == "accrual" else amount.quantize(_CENT, ROUND_HALF_UP),
        bundle_id=bundle_id,
        bills_revenue_id=bills,
        pricing=pricing,
    )
