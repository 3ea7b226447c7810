"""What a span counts for beyond the calls below it (R30)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from reconcilers.sample_company.seen.facts import Usage
from reconcilers.sample_company.truth.counts import INPUT_SIDE, OUTPUT
from reconcilers.sample_company.truth.tellings import Group, is_one_model


def take_beyond(group: Group, below: list[tuple[Group, bool]]) -> None:
    """What a call counts for beyond the calls below it, input side and output side apart."""
    own = group.first.partition.usage
    compared = _compared(group, below)
    counted = [usage for other in compared for usage in _counts_as(other)]
    group.usage = own
    if group.answered_from_cache or not compared:
        return
    group.usage = (
        *_excess(own, counted, INPUT_SIDE),
        *_excess(own, counted, (OUTPUT,)),
        *(one for meter in _other_meters(own) for one in _excess(own, counted, (meter,))),
    )
    group.is_sum = not group.usage
    if group.is_sum:
        return
    if not group.is_model:
        models = {other.model for other in compared} - {None}
        providers = {other.fact("provider") for other in compared} - {None}
        if len(models) == 1:
            group.lent["model"] = models.pop()
        if len(providers) == 1:
            name = providers.pop()
            group.lent["provider"] = next(
                one.telling for other in compared for one in other.told if one.telling.provider == name
            )
    elif any(usage.meter in INPUT_SIDE for usage in group.usage):
        for other in compared:
            if other.is_model and not other.first.partition.input_total and other.band_of is None:
                other.band_of = group.first


def _counts_as(group: Group) -> tuple[Usage, ...]:
    """What a call counts for in what lies above it; one answered from a cache for what it told."""
    return group.first.partition.usage if group.answered_from_cache else group.usage or ()


def _compared(group: Group, below: list[tuple[Group, bool]]) -> list[Group]:
    below = [(other, behind_tool) for other, behind_tool in below if not other.is_sum]
    if not group.is_model:
        return [other for other, _ in below]
    near = [other for other, behind_tool in below if not behind_tool]
    own = [other for other in near if is_one_model(other.model, group.model)]
    others = [other for other in near if other not in own]
    for meters in (INPUT_SIDE, (OUTPUT,)):
        routed = _sum((usage for other in others for usage in _counts_as(other)), meters)
        if routed > 0 and routed == _sum(group.first.partition.usage, meters):
            return near
    return own


def _sum(usage: Iterable[Usage], meters: tuple[str, ...]) -> Decimal:
    return sum((one.quantity for one in usage if one.meter in meters), Decimal(0))


def _other_meters(usage: Iterable[Usage]) -> list[str]:
    """What is no token is a side of its own."""
    return sorted({one.meter for one in usage} - {*INPUT_SIDE, OUTPUT})


def _excess(own: Iterable[Usage], below: list[Usage], meters: tuple[str, ...]) -> Iterator[Usage]:
    """R30: what is beyond, taken from the meters in order, each at most what it tells beyond the same meter below."""
    own = [usage for usage in own if usage.meter in meters]
    beyond = _sum(own, meters) - _sum(below, meters)
    for usage in sorted(own, key=lambda one: (meters.index(one.meter), (one.cache_ttl or "").encode())):
        same = (one.quantity for one in below if (one.meter, one.cache_ttl) == (usage.meter, usage.cache_ttl))
        take = min(beyond, max(Decimal(0), usage.quantity - sum(same, Decimal(0))))
        if take > 0:
            beyond -= take
            yield replace(usage, quantity=take)
