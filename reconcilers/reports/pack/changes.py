"""Why a feature's direct cost is another one than the month before, in parts that sum to the change to the last digit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from reconcilers.reports.pack.written import WIDE

#: Amounts are kept to a billionth.
_NANO = Decimal("1e-9")
_NOTHING = Decimal(0)


def explained(feature: Mapping[str, Any], usages: Iterable[Mapping[str, Any]] | None) -> dict[str, Decimal | None]:
    """``volume``, ``price``, ``mix`` and ``new_or_ended`` of one feature.

    ``feature`` has its cost and events of both months, ``usages`` quantity and cost of both by whatever prices differ by; without
    them (null) price and mix are not told apart: ``price`` is null and ``mix`` holds both. So does ``mix`` hold what volume cannot
    tell where no events are known.
    """
    before, now = feature["month_before"], feature["this_month"]
    change = WIDE.subtract(now, before)
    if not before or not now:
        none = None if usages is None else _NOTHING
        return {"volume": _NOTHING, "price": none, "mix": _NOTHING, "new_or_ended": change}
    events, events_now = feature["events_before"], feature["events_now"]
    volume = _NOTHING
    if events and events_now:
        volume = _kept(WIDE.divide(WIDE.multiply(before, Decimal(events_now - events)), Decimal(events)))
    price = None if usages is None else _kept(sum(map(_price, usages), _NOTHING))
    mix = WIDE.subtract(WIDE.subtract(change, volume), price or _NOTHING)
    return {"volume": volume, "price": price, "mix": mix, "new_or_ended": _NOTHING}


def _price(usage: Mapping[str, Any]) -> Decimal:
    """What this month's quantity cost more than at the billed price of the month before; 0 where one of them has none."""
    before, now = usage["quantity_before"], usage["quantity_now"]
    if not before or not now:
        return _NOTHING
    at_old_price = WIDE.divide(WIDE.multiply(usage["cost_before"], now), before)
    return WIDE.subtract(usage["cost_now"], at_old_price)


def _kept(amount: Decimal) -> Decimal:
    return WIDE.quantize(amount, _NANO)
