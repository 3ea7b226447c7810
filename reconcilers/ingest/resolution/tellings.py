"""One telling of an operation, the order in which tellings are believed, and when two of them can be one call (R29)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from reconcilers import naming

Row = Mapping[str, Any]
#: (meter, modality, cache TTL) → quantity in the meter's own unit
Usage = dict[tuple[str, str | None, str | None], Decimal]

#: Two tellings of one response id that neither overlap nor lie this near are one call only if all their counts are equal.
NEAR = timedelta(minutes=2)
_RANK = {"provider": 0, "estimated": 1}


@dataclass(frozen=True)
class Knowledge:
    """What a company declares that resolution needs.

    ``model_name`` gives the one name of a model for a provider and any spelling of it; ``is_mapped`` whether a provider
    maps to a billing source.
    """

    model_name: Callable[[str | None, str], str]
    is_mapped: Callable[[str | None], bool]


@dataclass(eq=False)
class Telling:
    """A row of the lake's ``calls``. ``excludes_cache``: its emitter was found to count input without the cached tokens (R31)."""

    row: Row
    excludes_cache: bool
    cache_blind: bool
    model: str | None

    @cached_property
    def own_id(self) -> str:
        """What names the operation itself: ``trace id|span id``, else ``source|record id``."""
        row = self.row
        if row["trace_id"] and row["span_id"]:
            return f"{row['trace_id'].lower()}|{row['span_id'].lower()}"
        return f"{row['source']}|{row['record_id']}"

    @property
    def began(self) -> datetime:
        began = self.row["started_at"]
        return self.ended if began is None else min(began, self.ended)

    @property
    def ended(self) -> datetime:
        ended: datetime = self.row["ended_at"]
        return ended

    @property
    def emitter(self) -> tuple[str | None, ...]:
        return tuple(self.row[name] for name in ("source", "scope_name", "scope_version", "provider", "operation"))

    @cached_property
    def usage(self) -> Usage:
        """What it told it used, under the reading that is right for its emitter."""
        outside = self.excludes_cache and self.row["usage_exclusive"] is not None
        elements = self.row["usage_exclusive"] if outside else self.row["usage"]
        return {(e["meter"], e["modality"], e["cache_ttl"]): e["quantity"] for e in elements or ()}

    @cached_property
    def totals(self) -> tuple[int | None, int | None]:
        """Tokens of the input and of the output side in all; None for a side it did not tell."""
        told, cached = self.row["input_total"], self.row["cached_total"]
        if told is not None and self.excludes_cache and self.row["usage_exclusive"] is not None:
            told += cached or 0
        return told, self.row["output_total"]

    @property
    def is_estimated(self) -> bool:
        """Counted by somebody who is not the provider, or cut off."""
        return bool(self.row["usage_source"] == "estimated")

    @cached_property
    def order(self) -> tuple[Any, ...]:
        """Sort key: usage of the first is taken (R29). Of one span told several times the one that ended first, then as landed."""
        row = self.row
        output = self.totals[1] or 0
        told = (_RANK.get(row["usage_source"], 2), -row["meters_told"], -output, self.own_id)
        return (*told, self.ended, row["landing_id"], row["landing_row"])

    @property
    def moment(self) -> tuple[Any, ...]:
        """Sort key of the earliest."""
        return self.began, self.ended, self.own_id, self.row["landing_id"], self.row["landing_row"]


@dataclass(eq=False)
class Span:
    """An operation of a trace or a record: all tellings of one own id. ``children`` and ``parent`` are of its trace."""

    own_id: str
    tellings: list[Telling]
    parent: Span | None = None
    children: list[Span] = field(default_factory=list)

    @cached_property
    def first(self) -> Telling:
        return self.tellings[0]

    @cached_property
    def kind(self) -> str:
        """``model``, ``tool`` or ``other``, as any of its tellings says it most exactly."""
        kinds = {telling.row["span_kind"] for telling in self.tellings}
        return next((kind for kind in ("model", "tool") if kind in kinds), "other")

    @cached_property
    def billable(self) -> bool:
        return any(telling.row["billable"] for telling in self.tellings)

    @cached_property
    def answered_from_cache(self) -> bool:
        return any(telling.row["answered_from_cache"] for telling in self.tellings)

    def teller(self, name: str) -> Telling | None:
        """The first of its tellings that says anything under ``name``."""
        return next((telling for telling in self.tellings if telling.row[name] is not None), None)

    def told(self, name: str) -> Any:
        """The first that any of its tellings says under ``name``."""
        teller = self.teller(name)
        return None if teller is None else teller.row[name]

    def ancestors(self) -> list[Span]:
        """Nearest first; a parent that is its own descendant ends the list."""
        found: list[Span] = []
        seen = {self.own_id}
        above = self.parent
        while above is not None and above.own_id not in seen:
            found.append(above)
            seen.add(above.own_id)
            above = above.parent
        return found


def agree(one: Telling, other: Telling) -> bool:
    """Whether two tellings of one response id can be the same call (R29): times, models, totals."""
    if one.model is not None and other.model is not None and not is_one_model(one.model, other.model):
        return False
    mine, theirs = one.totals, other.totals
    both_told = None not in mine and None not in theirs
    near = one.began <= other.ended + NEAR and other.began <= one.ended + NEAR
    if not near and not (both_told and mine == theirs):
        return False
    if one.emitter == other.emitter and one.own_id != other.own_id:
        return mine == theirs
    if one.is_estimated or other.is_estimated:
        return True
    return counts_agree(mine, theirs)


def is_one_model(one: str, other: str) -> bool:
    """Whether two models' names can be of one: equal but for a provider before one, or a snapshot that one does not tell (R29)."""
    one, other = naming.unrouted(one), naming.unrouted(other)
    return one == other or one == naming.undated(other) or other == naming.undated(one)


def counts_agree(mine: tuple[int | None, int | None], theirs: tuple[int | None, int | None]) -> bool:
    """Each total both tell is equal; or, where both tell both, one of the two, other than 0."""
    pairs = [(a, b) for a, b in zip(mine, theirs, strict=True) if a is not None and b is not None]
    if all(a == b for a, b in pairs):
        return True
    return len(pairs) == 2 and any(a == b != 0 for a, b in pairs)
