"""Bills go wrong: lines that come late, are restated, have no quantity, or that no mapping knows. Each is recorded as planted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from reconcilers.sample_company.providers.fees import account_line, billed_cost, note
from reconcilers.sample_company.providers.ledger import LAG_HOURS, BillLine, Books, Ledger, ReportLine
from reconcilers.sample_company.seen.facts import Charge, Key
from reconcilers.sample_company.world.calendar import instant, month_of
from reconcilers.sample_company.world.company import ANTHROPIC, AWS, HAIKU, NOVA_LITE, OPENAI, OUTPUT
from reconcilers.sample_company.world.happened import TrueCall, World

SURCHARGE_ITEM = "priority processing surcharge"

_SURCHARGE = Decimal("3.27")
_DEARER, _DEARER_DAYS = Decimal("1.25"), 3
_LATE_DAYS, _RESTATED_AFTER_DAYS = 4, 5


def price_factor(world: World, call: TrueCall) -> Decimal:
    """What a call is billed at, as a factor on its contract price."""
    first = _dearer_from(world)
    dear = call.model == NOVA_LITE and first <= call.ended_at.date() < first + timedelta(days=_DEARER_DAYS)
    return _DEARER if dear else Decimal(1)


def _dearer_from(world: World) -> date:
    return world.start + (world.end - world.start) * 3 // 10


def dearer_and_later(world: World, books: Books) -> None:
    """One model billed above its contract price for three days, and the batch calls of one day billed on the next."""
    dear = [call for call in world.calls if price_factor(world, call) != 1]
    what = f"AWS bills {NOVA_LITE} at {_DEARER} times the contract price for {_DEARER_DAYS} days"
    amount = sum((books.call_cost(call) * (_DEARER - 1) for call in dear), Decimal(0))
    note(world, "dearer_days", what, AWS, _dearer_from(world), "break price", amount)
    days = sorted(
        {call.ended_at.date() for call in world.calls if call.batch == "true" and call.environment == "production"}
    )
    if not days:
        return
    later = days[len(days) // 2]
    batch = [call for call in world.calls if call.batch == "true" and call.ended_at.date() == later]
    for call in batch:
        call.billed_days_later = 1
    amount = sum((books.call_cost(call) for call in batch), Decimal(0))
    note(
        world,
        "batch_billed_next_day",
        f"batch calls of {later} stand on the bill of the next day",
        OPENAI,
        later,
        "timing",
        amount,
    )


def late_restated_and_incomplete(world: World, ledger: Ledger) -> None:
    """One OpenAI day billed days late and one project without quantity; one Anthropic day restated, and usage that its report leaves out."""
    days = (world.end - world.start).days
    late, restated, bare = (world.start + timedelta(days=days * part // 20) for part in (7, 9, 13))
    told = []
    for line in ledger.lines:
        charge, key = line.charge, line.charge.key
        day = charge.charge_period_start.date()
        if charge.source == OPENAI and day == late:
            line = replace(line, known_from=line.known_from + timedelta(days=_LATE_DAYS))
        if charge.source == ANTHROPIC and day == restated:
            changed = line.known_from + timedelta(days=_RESTATED_AFTER_DAYS)
            told.append(replace(line, charge=_understated(charge), superseded_at=changed))
            line = replace(line, known_from=changed)
        if charge.source == OPENAI and key.sub_account_id == "proj_reports" and key.meter == OUTPUT:
            line = replace(line, charge=replace(charge, quantity=None))
        told.append(line)
    ledger.lines[:] = told
    ledger.reports[:] = _reported(ledger.reports, restated, bare)
    final = [line.charge for line in told if line.superseded_at is None]
    first = [line.charge for line in told if line.superseded_at is not None]
    late_cost = billed_cost(c for c in final if c.source == OPENAI and c.charge_period_start.date() == late)
    restated_cost = billed_cost(c for c in final if c.source == ANTHROPIC and c.charge_period_start.date() == restated)
    note(
        world,
        "late_bill",
        f"OpenAI tells {late} only {_LATE_DAYS} days later",
        OPENAI,
        late,
        "no charge until then",
        late_cost,
    )
    note(
        world,
        "restated_bill",
        f"Anthropic restates {restated} after {_RESTATED_AFTER_DAYS} days",
        ANTHROPIC,
        restated,
        "billed cost of the day rises",
        restated_cost - billed_cost(first),
    )
    with_report = [c for c in final if c.source == OPENAI and c.quantity is None]
    note(
        world,
        "quantity_in_report_only",
        "OpenAI bills output of proj_reports without quantity",
        OPENAI,
        None,
        "quantity taken from the usage report (R10)",
        billed_cost(with_report),
    )
    bare_lines = [c for c in final if c.source == ANTHROPIC and _is_bare(c.key, c.charge_period_start.date(), bare)]
    note(
        world,
        "no_quantity",
        f"Anthropic's usage report leaves {HAIKU} output of {bare} out",
        ANTHROPIC,
        bare,
        "money meets expected cost (R14)",
        billed_cost(bare_lines),
    )
    moved = [c for c in final if month_of(c.charge_period_start.date()) != c.billing_period_start]
    for month in sorted({c.billing_period_start for c in moved}):
        amount = billed_cost(c for c in moved if c.billing_period_start == month)
        note(
            world,
            "billed_next_month",
            "AWS bills the last evening of a month in the next",
            AWS,
            month,
            "other_period_usage",
            amount,
        )


def _reported(reports: list[ReportLine], restated: date, bare: date) -> Iterator[ReportLine]:
    """The usage reports with Anthropic's restated day, and without what its report leaves out."""
    for line in reports:
        one = line.reported
        if one.source == ANTHROPIC and _is_bare(one.key, one.charge_day, bare):
            continue
        if one.source == ANTHROPIC and one.charge_day == restated:
            changed = line.known_from + timedelta(days=_RESTATED_AFTER_DAYS)
            fewer = replace(one, quantity=_four_fifths(one.quantity))
            yield replace(line, reported=fewer, superseded_at=changed)
            line = replace(line, known_from=changed)
        yield line


def _is_bare(key: Key, day: date, bare: date) -> bool:
    return day == bare and key.model == HAIKU and key.meter == OUTPUT


def _understated(charge: Charge) -> Charge:
    """What was told first: four fifths of it, of what the contract prices in whole tokens."""
    if charge.quantity is None:
        cost = charge.billed_cost * 4 / 5
        return replace(charge, billed_cost=cost, effective_cost=cost, list_cost=cost)
    quantity = _four_fifths(charge.quantity)
    return replace(charge, quantity=quantity, effective_cost=charge.effective_cost / charge.quantity * quantity)


def _four_fifths(quantity: Decimal) -> Decimal:
    return (quantity * 4 // 5).quantize(Decimal(1))


def unknown_item(world: World, ledger: Ledger) -> None:
    """A line item of OpenAI's that no mapping knows."""
    day = world.start + (world.end - world.start) * 2 // 3
    charge = account_line(
        OPENAI, f"surcharge|{day}", day, day + timedelta(days=1), _SURCHARGE, sku_meter=SURCHARGE_ITEM
    )
    ledger.lines.append(BillLine(charge, instant(day, 24 + LAG_HOURS[OPENAI]), description=SURCHARGE_ITEM))
    note(world, "unmapped_line", f"a line item no mapping knows: {SURCHARGE_ITEM}", OPENAI, day, "unmapped", _SURCHARGE)
