"""Telemetry's side: usage cells (R8), the other days of a call (R16) and what is not known about it (R18)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from reconcilers.sample_company.seen.facts import PRICE_DIMENSIONS, Facts, Key
from reconcilers.sample_company.truth.calls import Call
from reconcilers.sample_company.truth.carve import half_away
from reconcilers.sample_company.truth.counts import INPUT
from reconcilers.sample_company.truth.keys import (
    Dims,
    Filler,
    Prices,
    SortKey,
    key_order,
    meter_scale,
    scaled_quantity,
)

#: Flags in tie order (R8); no flag comes last.
_FLAG_ORDER = {"after": 0, "before": 1, None: 2}
_DAY = timedelta(days=1)

UsageOrder = tuple[SortKey, bool, Decimal, bool, int, bool, int, bool, tuple[date, ...]]


class OtherDays(NamedTuple):
    """R16: the day of a usage, the days it may be billed on instead, in turn, and its flag in R12."""

    day: date
    others: tuple[date, ...]
    flag: str | None


@dataclass
class UsageCell:
    """R8: usages equal in every dimension, contract price, soundness, other days, sampling probability and cache-blindness.

    ``quantity`` is Q, ``left`` what no bill cell has paid for yet, ``expected_left`` the same for R14 in micro-units of
    money. ``received`` holds nanos per currency, billing period and charge month (R17, last step). ``assumed`` are the
    price-setting dimensions that not all of its calls tell.
    """

    dims: Dims
    price: Decimal | None
    estimated: bool
    flag: str | None
    other_days: tuple[date, ...]
    probability: int | None
    cache_blind: bool
    calls: dict[str, int] = field(default_factory=dict)
    left: int = 0
    expected_left: int = 0
    received: dict[tuple[str, date, date], int] = field(default_factory=lambda: defaultdict(int))
    #: what of an accrual its calls carry (R25)
    accrued: int = 0
    assumed: set[str] = field(default_factory=set)

    @property
    def quantity(self) -> int:
        return sum(self.calls.values())

    @property
    def day(self) -> date:
        return date.fromisoformat(self.dims.time)

    @property
    def turn(self) -> tuple[bool, bool, bool]:
        """R12: provider-reported before estimated, then not cache-blind before blind, then without a flag before with."""
        return (self.estimated, self.cache_blind, self.flag is not None)

    def order(self, time: str | None = None) -> UsageOrder:
        """Key order with its ties (R8), ``time`` standing in for the day where R16 or R9 compares another."""
        dims = self.dims if time is None else self.dims._replace(time=time)
        price = (self.price is None, self.price or Decimal(0))
        probability = (self.probability is None, self.probability or 0)
        flag = _FLAG_ORDER[self.flag]
        return (key_order(dims), *price, self.estimated, flag, *probability, self.cache_blind, self.other_days)

    def value(self, quantity: int) -> Fraction:
        """A quantity at contract price, in micro-units of money: tokens × price per million."""
        assert self.price is not None, "an unpriced usage has no value (R18)"
        return Fraction(quantity) * Fraction(self.price) / meter_scale(self.dims.meter)

    def value_in_nanos(self, quantity: int) -> int:
        """A quantity at contract price, in nanos, rounded once."""
        return half_away(self.value(quantity) * 1000)


def days_of(call: Call, batch_day: int, window_minutes: int) -> OtherDays:
    """R16: a batch's next day, then the day before; of any other call the day it began, or the one across a near midnight."""
    ended = call.ended_at.date()
    began = ended if call.started_at is None else call.started_at.date()
    if call.key.batch == "true":
        day = ended + batch_day * _DAY
        return OtherDays(day, (day + _DAY, day - _DAY), None)
    if began < ended:
        return OtherDays(ended, (began,), "after")
    window, midnight = timedelta(minutes=window_minutes), datetime.combine(ended, datetime.min.time())
    if call.ended_at - midnight < window:
        return OtherDays(ended, (ended - _DAY,), "after")
    if midnight + _DAY - call.ended_at <= window:
        return OtherDays(ended, (ended + _DAY,), "before")
    return OtherDays(ended, (), None)


def read_usage(facts: Facts, calls: list[Call], filler: Filler, prices: Prices) -> list[UsageCell]:
    """All usage cells in key order, nothing matched yet."""
    cells: dict[tuple[object, ...], UsageCell] = {}
    for call in calls:
        days = days_of(call, filler.source(call.source).batch_day, facts.midnight_window_minutes)
        for key, dims, quantity in _usages(call, days.day, filler):
            price = prices.price_per_million(dims)
            probability = call.sampling_probability_millionths or None
            blind = call.cache_blind and dims.meter == INPUT
            identity = (dims, price, call.estimated, days.flag, days.others, probability, blind)
            cell = cells.setdefault(identity, UsageCell(*identity))
            cell.calls[call.call_id] = cell.calls.get(call.call_id, 0) + quantity
            cell.left += quantity
            cell.assumed |= {name for name in PRICE_DIMENSIONS if getattr(key, name) is None}
    for cell in cells.values():
        cell.calls = dict(sorted(cell.calls.items()))
    return sorted(cells.values(), key=UsageCell.order)


def _usages(call: Call, day: date, filler: Filler) -> list[tuple[Key, Dims, int]]:
    found = []
    for usage in call.usage:
        quantity = scaled_quantity(usage.meter, usage.quantity)
        if quantity > 0:
            key = replace(call.key, meter=usage.meter, modality=usage.modality, cache_ttl=usage.cache_ttl)
            found.append((key, filler.dims(call.source, key, usage.meter, day.isoformat(), told_only=False), quantity))
    return found
