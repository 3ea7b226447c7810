"""Bills computed from true usage at true contract prices, by each provider's own grain, lag and rounding."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from reconcilers.sample_company.providers import defects
from reconcilers.sample_company.providers.fees import add_fees
from reconcilers.sample_company.providers.ledger import (
    LAG_HOURS,
    SERVICE_NAMES,
    BillLine,
    Books,
    Ledger,
    ReportLine,
    key_order,
)
from reconcilers.sample_company.providers.platforms import add_platforms
from reconcilers.sample_company.seen.facts import Charge, Key, ReportedUsage
from reconcilers.sample_company.world.calendar import instant, month_of, next_month
from reconcilers.sample_company.world.company import (
    ACCOUNTS,
    ANTHROPIC,
    AWS,
    GRAIN,
    OPENAI,
    VECTORS,
    VECTORS_EUR_PER_MILLION,
)
from reconcilers.sample_company.world.happened import TrueCall, World

_TEN_DECIMALS = Decimal("1e-10")
_TEN_TOKENS = Decimal("1e1")
#: Who reports what was used beside what it costs.
_REPORTS = (OPENAI, ANTHROPIC)


@dataclass(frozen=True)
class _Cell:
    """What one ordinary usage line is about."""

    source: str
    day: date
    billing_month: date
    key: Key


def write_ledger(world: World, books: Books) -> Ledger:
    """Bill every call of the world, damage some of it, then add what no call drives. Records what is planted in the bills."""
    ledger = Ledger()
    defects.dearer_and_later(world, books)
    _usage_lines(world, books, ledger)
    defects.late_restated_and_incomplete(world, ledger)
    add_fees(world, ledger)
    add_platforms(world, ledger)
    defects.unknown_item(world, ledger)
    return ledger


def _usage_lines(world: World, books: Books, ledger: Ledger) -> None:
    cells: dict[_Cell, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    reported: dict[tuple[str, Key, date], Decimal] = defaultdict(Decimal)
    for call in world.calls:
        if not call.billed:
            continue
        day = call.ended_at.date() + timedelta(days=call.billed_days_later)
        month = month_of(day)
        if call.source == AWS and next_month(day) == day + timedelta(days=1) and call.ended_at.hour >= 18:
            # AWS closes its books early: the last evening of a month stands on the next month's bill.
            month = next_month(day)
        for usage in call.usage:
            cell = _Cell(call.source, day, month, _bill_key(call, usage.meter, usage.cache_ttl))
            totals = cells[cell]
            totals[0] += usage.quantity
            cost = books.cost(call, usage.meter, usage.quantity, usage.cache_ttl)
            totals[1] += cost * defects.price_factor(world, call)
            totals[2] += books.cost(call, usage.meter, usage.quantity, usage.cache_ttl, at_list=True)
            if call.source in _REPORTS:
                reported[call.source, replace(cell.key, api_key_id=call.api_key), day] += usage.quantity
    for cell in sorted(cells, key=_cell_order):
        ledger.lines.append(_usage_line(cell, *cells[cell]))
    for source, key, day in sorted(reported, key=lambda k: (k[0], k[2], key_order(k[1]))):
        row = ReportedUsage(source, key, day, reported[source, key, day])
        ledger.reports.append(ReportLine(row, instant(day, 24 + LAG_HOURS[source])))


def _usage_line(cell: _Cell, quantity: Decimal, cost: Decimal, list_cost: Decimal) -> BillLine:
    currency = "USD"
    if cell.source == AWS:
        quantity = quantity.quantize(_TEN_TOKENS, rounding=ROUND_HALF_UP).quantize(Decimal(1))
        cost = cost.quantize(_TEN_DECIMALS, rounding=ROUND_HALF_UP)
        list_cost = list_cost.quantize(_TEN_DECIMALS, rounding=ROUND_HALF_UP)
    if cell.source == VECTORS:
        currency = "EUR"
        cost = list_cost = quantity * VECTORS_EUR_PER_MILLION / 1_000_000
    charge = Charge(
        source=cell.source,
        line_id=_line_id(cell),
        key=cell.key,
        billed_cost=cost,
        effective_cost=cost,
        charge_period_start=instant(cell.day),
        charge_period_end=instant(cell.day, 24),
        billing_period_start=cell.billing_month,
        billing_currency=currency,
        service_name=SERVICE_NAMES[cell.source],
        sku_meter=cell.key.meter,
        list_cost=list_cost,
        quantity=quantity,
    )
    if cell.source == ANTHROPIC:
        charge = _of_anthropic(charge)
    known = instant(cell.day, 24 + LAG_HOURS[cell.source])
    return BillLine(charge, max(known, instant(cell.billing_month, LAG_HOURS[cell.source])))


def _of_anthropic(charge: Charge) -> Charge:
    """Its costs tell no quantity, and no price but what is billed; Priority Tier is in none: a commitment pays for its usage."""
    if charge.key.service_tier == "priority":
        return replace(charge, billed_cost=Decimal(0), list_cost=None, commitment_discount_status="Used")
    return replace(charge, quantity=None, list_cost=charge.billed_cost)


def _bill_key(call: TrueCall, meter: str, cache_ttl: str | None) -> Key:
    """What the bill tells of a call."""
    grain = GRAIN[call.source]
    # What the contract prices is the usage report's, which tells keys.
    priority = call.source == ANTHROPIC and call.service_tier == "priority"
    return Key(
        billing_account_id=ACCOUNTS[call.source],
        sub_account_id=call.project,
        api_key_id=call.api_key if call.source == OPENAI or priority else None,
        model=call.model,
        meter=meter,
        service_tier=call.service_tier if "service_tier" in grain else None,
        batch=call.batch if "batch" in grain else None,
        context_band=call.context_band if "context_band" in grain else None,
        cache_ttl=cache_ttl if "cache_ttl" in grain else None,
    )


def _cell_order(cell: _Cell) -> tuple[object, ...]:
    return cell.source, cell.day, cell.billing_month, key_order(cell.key)


def _line_id(cell: _Cell) -> str:
    """The same line has the same id whenever it is told."""
    return "|".join((cell.source, cell.day.isoformat(), cell.billing_month.isoformat(), *key_order(cell.key)))
