"""Telemetry's side: usage cells (R8) and what is not known about their calls (R7, R18)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Call, Facts
from reconcilers.sample_company.truth.carve import half_away
from reconcilers.sample_company.truth.keys import Dims, Filler, Prices, SortKey, key_order, meter_scale, scaled_quantity

#: Near-midnight flags in tie order (R8); no flag comes last.
_FLAG_ORDER = {"after": 0, "before": 1, None: 2}

UsageOrder = tuple[SortKey, bool, Decimal, bool, int, bool, int]


@dataclass
class UsageCell:
    """R8: usages equal in every dimension, contract price, soundness, near-midnight flag and sampling probability.

    ``quantity`` is Q, ``left`` what no bill cell has paid for yet, ``expected_left`` the same for R14 in micro-units of
    money. ``received`` holds nanos per currency, billing period and charge month (R17, last step).
    """

    dims: Dims
    price: Decimal | None
    estimated: bool
    flag: str | None
    probability: int | None
    calls: dict[str, int] = field(default_factory=dict)
    left: int = 0
    expected_left: int = 0
    received: dict[tuple[str, date, date], int] = field(default_factory=lambda: defaultdict(int))

    @property
    def quantity(self) -> int:
        return sum(self.calls.values())

    @property
    def day(self) -> date:
        return date.fromisoformat(self.dims.time)

    @property
    def turn(self) -> tuple[bool, bool]:
        """R12: provider-reported before estimated, each before the same near midnight."""
        return (self.estimated, self.flag is not None)

    def order(self, time: str | None = None) -> UsageOrder:
        """Key order with its ties (R8), ``time`` standing in for the day where R16 or R9 compares another."""
        dims = self.dims if time is None else self.dims._replace(time=time)
        price = (self.price is None, self.price or Decimal(0))
        probability = (self.probability is None, self.probability or 0)
        return (key_order(dims), *price, self.estimated, _FLAG_ORDER[self.flag], *probability)

    def day_across_midnight(self) -> str:
        """R16: the day on the other side of the midnight this usage lies near to."""
        step = -1 if self.flag == "after" else 1
        return (self.day + timedelta(days=step)).isoformat()

    def value(self, quantity: int) -> Fraction:
        """A quantity at contract price, in micro-units of money: tokens × price per million."""
        assert self.price is not None, "an unpriced usage has no value (R18)"
        return Fraction(quantity) * Fraction(self.price) / meter_scale(self.dims.meter)

    def value_in_nanos(self, quantity: int) -> int:
        """A quantity at contract price, in nanos, rounded once."""
        return half_away(self.value(quantity) * 1000)


def call_id(identity: str) -> str:
    """R17: lower-case md5 hex of the call's identity, in UTF-8."""
    return hashlib.md5(identity.encode()).hexdigest()


def near_midnight(ended_at: datetime, window_minutes: int) -> str | None:
    """R8: ``after`` the midnight before it (strictly within the window), ``before`` the next one, or not near."""
    window = timedelta(minutes=window_minutes)
    midnight = ended_at.replace(hour=0, minute=0, second=0, microsecond=0)
    if ended_at - midnight < window:
        return "after"
    return "before" if midnight + timedelta(days=1) - ended_at <= window else None


def read_usage(facts: Facts, filler: Filler, prices: Prices) -> list[UsageCell]:
    """All usage cells in key order, nothing matched yet."""
    cells: dict[tuple[object, ...], UsageCell] = {}
    for call in facts.calls:
        for dims, quantity in _usages(call, filler):
            price = prices.price_per_million(dims)
            flag = near_midnight(call.ended_at, facts.midnight_window_minutes)
            probability = call.sampling_probability_millionths or None
            cell = UsageCell(dims, price, call.estimated, flag, probability)
            identity = (dims, price, call.estimated, flag, probability)
            cell = cells.setdefault(identity, cell)
            name = call_id(call.identity)
            cell.calls[name] = cell.calls.get(name, 0) + quantity
            cell.left += quantity
    for cell in cells.values():
        cell.calls = dict(sorted(cell.calls.items()))
    return sorted(cells.values(), key=UsageCell.order)


def _usages(call: Call, filler: Filler) -> list[tuple[Dims, int]]:
    found = []
    for usage in call.usage:
        quantity = scaled_quantity(usage.meter, usage.quantity)
        if quantity > 0:
            key = replace(call.key, meter=usage.meter, modality=usage.modality, cache_ttl=usage.cache_ttl)
            day = call.ended_at.date().isoformat()
            found.append((filler.dims(call.source, key, usage.meter, day, told_only=False), quantity))
    return found


def is_production(call: Call, facts: Facts) -> bool:
    """R7: an unknown environment counts as production (and is a break)."""
    return True if call.environment is None else facts.environments.get(call.environment, True)
