"""Tellings that are one call, and when two of them may be (R29)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reconcilers.sample_company.seen.facts import Telling, Usage
from reconcilers.sample_company.truth.counts import Partition, emitter_of

#: R29: how far apart two tellings of one response id may lie, and one scope's telling beyond another's.
_NEAR, _WITHIN = timedelta(minutes=2), timedelta(seconds=2)
#: The date at the end of a model's name that tells which snapshot it is.
_SNAPSHOT = re.compile(r"-(\d{4}-\d\d-\d\d|\d{8})$")
#: What of a telling's key its call has from the first that tells it (R29).
KEY_FACTS = (
    "sub_account_id",
    "api_key_id",
    "model",
    "service_tier",
    "batch",
    "context_band",
    "geography",
    "region",
    "speed",
)


@dataclass
class Told:
    """A telling, read."""

    telling: Telling
    partition: Partition

    @property
    def usage_order(self) -> tuple[int, int, int, bytes]:
        """R29: the order in which usage is chosen."""
        kind = 2 if not self.partition.tells_usage else int(self.telling.estimated)
        largest = self.partition.output_total or 0
        return (kind, -self.partition.meters, -largest, self.telling.own_id.encode())


@dataclass(eq=False)
class Group:
    """Tellings that are one call, in the order in which usage is chosen; ``usage`` is what R30 leaves of it."""

    told: list[Told]
    answered_from_cache: bool = False
    usage: tuple[Usage, ...] | None = None
    is_sum: bool = False
    band_of: Told | None = None
    lent: dict[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> Told:
        return self.told[0]

    @property
    def own_ids(self) -> set[str]:
        return {one.telling.own_id for one in self.told}

    @property
    def is_model(self) -> bool:
        return any(one.telling.kind == "model" for one in self.told)

    def add(self, other: Group) -> None:
        """Lay another call's tellings together with this one's."""
        self.told = sorted([*self.told, *other.told], key=lambda one: one.usage_order)

    def fact(self, name: str) -> Any:
        """The first telling's word that there is, of a telling or its key."""
        places = (one.telling.key if name in KEY_FACTS else one.telling for one in self.told)
        return next((value for value in (getattr(place, name) for place in places) if value is not None), None)

    @property
    def model(self) -> str | None:
        told: list[str] = [one.telling.key.model for one in self.told if one.telling.key.model is not None]
        dated = (model for model in told if _SNAPSHOT.search(model) and is_one_model(model, told[0]))
        return next(dated, told[0]) if told else self.lent.get("model")


def agree(one: Told, other: Told) -> bool:
    """Whether two tellings may be one call: times, models, counts. Provider names do not decide."""
    models = one.telling.key.model, other.telling.key.model
    return is_one_model(*models) and _times_agree(one, other) and _counts_agree(one, other)


def is_one_model(one: str | None, other: str | None) -> bool:
    """Equal where both tell one; a snapshot only one of them tells makes no difference."""
    if one is None or other is None or one == other:
        return True
    plain = _SNAPSHOT.sub("", one), _SNAPSHOT.sub("", other)
    return plain[0] == plain[1] and (one, other) != plain and plain[0] in (one, other)


def _totals(one: Told, other: Told) -> list[tuple[int | None, int | None]]:
    mine, its = one.partition, other.partition
    return [(mine.input_total, its.input_total), (mine.output_total, its.output_total)]


def _times_agree(one: Told, other: Told) -> bool:
    if all(mine is not None and mine == its for mine, its in _totals(one, other)):
        return True
    mine, its = _period(one.telling), _period(other.telling)
    if mine is None or its is None:
        return True
    return mine[0] <= its[1] + _NEAR and its[0] <= mine[1] + _NEAR


def _period(telling: Telling) -> tuple[datetime, datetime] | None:
    first, last = telling.started_at or telling.ended_at, telling.ended_at or telling.started_at
    return None if first is None or last is None else (first, last)


def _counts_agree(one: Told, other: Told) -> bool:
    totals = _totals(one, other)
    if emitter_of(one.telling) == emitter_of(other.telling):
        return all(mine == its for mine, its in totals)
    if one.telling.estimated or other.telling.estimated:
        return True
    told = [(mine, its) for mine, its in totals if mine is not None and its is not None]
    if all(mine == its for mine, its in told):
        return True
    return len(told) == len(totals) and any(mine == its != 0 for mine, its in told)


def lies_over(group: Group, other: Group, over: tuple[str, ...]) -> bool:
    """Whether a call's telling can open, repeat or lie over another's, whose scope must be one of ``over`` (R29)."""
    mine, its = group.first, other.first
    if its.telling.scope_name not in over or not other.is_model:
        return False
    names = [(getattr(mine.telling, name), getattr(its.telling, name)) for name in ("event_id", "run_id")]
    if any(one != two for one, two in names):
        return False
    if all(one is None for one, _ in names) and mine.telling.trace_id != its.telling.trace_id:
        return False
    ids = {mine.telling.response_id, its.telling.response_id} - {None}
    counts = all(a == b for a, b in _totals(mine, its) if a is not None and b is not None)
    one_model = is_one_model(mine.telling.key.model, its.telling.key.model)
    return one_model and len(ids) <= 1 and counts and _one_within(mine, its)


def _one_within(one: Told, other: Told) -> bool:
    mine, its = _period(one.telling), _period(other.telling)
    if mine is None or its is None:
        return False
    inside = [(mine, its), (its, mine)]
    return any(a[0] >= b[0] - _WITHIN and a[1] <= b[1] + _WITHIN for a, b in inside)
