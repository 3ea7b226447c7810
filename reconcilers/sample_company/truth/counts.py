"""What a count contains (R31): every telling's numbers as a disjoint partition of what was used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, combinations
from typing import NamedTuple

from reconcilers.sample_company.seen.facts import Emitter, Facts, Telling, Usage

INPUT, CACHE_READ, CACHE_WRITE, OUTPUT = (
    "input_tokens",
    "cache_read_input_tokens",
    "cache_write_input_tokens",
    "output_tokens",
)
#: R30: the order in which an excess is taken from the meters of the input side.
INPUT_SIDE = (INPUT, CACHE_READ, CACHE_WRITE)
#: R31: calls with more cached than input that show an emitter's input to exclude the cache.
ENOUGH_CALLS = 3

_CACHED, _THOUGHTS, _TOOL = frozenset({"cache_read", "cache_write"}), "thoughts", "tool"


class EmitterKey(NamedTuple):
    """Who writes like itself (R8, R31)."""

    source: str
    scope_name: str | None
    scope_version: str | None
    provider: str | None
    operation: str | None


@dataclass(frozen=True)
class Partition:
    """What one telling says was used. Totals hold cached tokens and thoughts; ``None`` = the side was not told.

    ``meters`` counts the meters told, a zero too, writes of each TTL apart (R29). ``inconsistent``: a total no reading fits, or two proofs
    against each other, or more cached than an input that is held to contain it.
    """

    usage: tuple[Usage, ...]
    input_total: int | None
    output_total: int | None
    meters: int
    inconsistent: bool

    @property
    def tells_usage(self) -> bool:
        return self.meters > 0


def emitter_of(telling: Telling) -> EmitterKey:
    """The emitter that wrote a telling."""
    return EmitterKey(telling.source, telling.scope_name, telling.scope_version, telling.provider, telling.operation)


class Readings:
    """How each emitter's counts are read, from everything known at ``as_of`` (never from the order it came in)."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        shows = {(emitter_of(one), one.own_id) for one in facts.tellings if _cached(one) > (one.counts.input or 0)}
        more_cached = Counter(emitter for emitter, _ in shows)
        self._excludes = {emitter for emitter, calls in more_cached.items() if calls >= ENOUGH_CALLS}
        self._tells_cache = {emitter_of(one) for one in facts.tellings if _tells_cache(one)}

    def is_cache_blind(self, telling: Telling) -> bool:
        """R8: its emitter tells no cached count of any kind, by the table, else in no call."""
        row = self._row(telling, "tells_cache")
        return not row.tells_cache if row else emitter_of(telling) not in self._tells_cache

    def one_call_with(self, telling: Telling) -> tuple[str, ...]:
        """Scopes whose one call this telling opens, repeats or lies over (R29)."""
        rows = [row for row in self.facts.emitters if row.one_call_with and _fits(row, telling)]
        return rows[0].one_call_with if rows else ()

    def read(self, telling: Telling) -> Partition:
        """The telling's disjoint usage."""
        counts = telling.counts
        parts = {
            "cache_read": counts.cache_read or 0,
            "cache_write": sum(tokens for _, tokens in counts.cache_writes),
            _THOUGHTS: counts.thoughts or 0,
            _TOOL: counts.tool or 0,
        }
        told, inconsistent = _outside_by_total(telling, parts)
        thoughts_outside = parts[_THOUGHTS] > (counts.output or 0)
        if told is not None and thoughts_outside and _THOUGHTS not in told:
            told, inconsistent = None, True
        outside = self._outside(telling, parts, told, thoughts_outside)
        cached_inside = sum(parts[name] for name in _CACHED - outside)
        uncached = None if counts.input is None else counts.input - cached_inside
        if uncached is not None and uncached < 0:
            uncached, inconsistent = counts.input, True
        output = counts.output
        if _THOUGHTS in outside:
            output = (output or 0) + parts[_THOUGHTS]
        if _TOOL in outside:
            uncached = (uncached or 0) + parts[_TOOL]
        return _partition(telling, uncached, output, inconsistent)

    def _outside(
        self, telling: Telling, parts: dict[str, int], told: frozenset[str] | None, thoughts_outside: bool
    ) -> frozenset[str]:
        """Which parts stand beside the counts, by R31's order of evidence."""
        found = told if told is not None else frozenset()
        semantics = self.facts.token_semantics.get(telling.source)
        if semantics is not None:
            found = (found - _CACHED) | (_CACHED if semantics == "exclusive" else frozenset())
        elif told is None:
            row = self._row(telling, "input_excludes_cache")
            excludes = row.input_excludes_cache if row else emitter_of(telling) in self._excludes
            found |= _CACHED if excludes else frozenset()
        if told is None:
            row = self._row(telling, "output_excludes_thoughts")
            if thoughts_outside or (row is not None and row.output_excludes_thoughts):
                found |= {_THOUGHTS}
        return frozenset(name for name in found if parts[name])

    def _row(self, telling: Telling, column: str) -> Emitter | None:
        rows = (row for row in self.facts.emitters if getattr(row, column) is not None and _fits(row, telling))
        return next(rows, None)


def _fits(row: Emitter, telling: Telling) -> bool:
    return (
        row.scope_name == telling.scope_name
        and row.provider in (None, telling.provider)
        and row.operation in (None, telling.operation)
    )


def _tells_cache(telling: Telling) -> bool:
    return telling.counts.cache_read is not None or bool(telling.counts.cache_writes)


def _cached(telling: Telling) -> int:
    return (telling.counts.cache_read or 0) + sum(tokens for _, tokens in telling.counts.cache_writes)


def _outside_by_total(telling: Telling, parts: dict[str, int]) -> tuple[frozenset[str] | None, bool]:
    """What the told total proves to stand outside, if exactly one reading fits, and whether none does (R31)."""
    counts = telling.counts
    if counts.total is None or (counts.input is None and counts.output is None):
        return None, False
    beyond = counts.total - (counts.input or 0) - (counts.output or 0)
    if beyond == 0:
        return None, False
    fitting = [names for names in _subsets(parts) if sum(parts[name] for name in names) == beyond]
    return (frozenset(fitting[0]) if len(fitting) == 1 else None), not fitting


def _subsets(parts: dict[str, int]) -> Iterable[tuple[str, ...]]:
    present = [name for name, tokens in parts.items() if tokens]
    return chain.from_iterable(combinations(present, size) for size in range(1, len(present) + 1))


def _partition(telling: Telling, uncached: int | None, output: int | None, inconsistent: bool) -> Partition:
    counts = telling.counts
    found: list[tuple[str, int | None, str | None]] = [(INPUT, uncached, None), (CACHE_READ, counts.cache_read, None)]
    found += [(CACHE_WRITE, tokens, ttl) for ttl, tokens in sorted(counts.cache_writes, key=lambda one: one[0] or "")]
    found.append((OUTPUT, output, None))
    told = [(meter, tokens, ttl) for meter, tokens, ttl in found if tokens is not None]
    inputs = [tokens for meter, tokens, _ in told if meter in INPUT_SIDE]
    usage = [Usage(meter, Decimal(tokens), cache_ttl=ttl) for meter, tokens, ttl in told if tokens]
    return Partition(
        usage=(*usage, *counts.others),
        input_total=sum(inputs) if inputs else None,
        output_total=output,
        meters=len({(meter, ttl) for meter, _, ttl in told}) + len({one.meter for one in counts.others}),
        inconsistent=inconsistent,
    )
