"""What a span tells beyond the calls below it in its trace (R30), from the bottom up, input and output side apart.

A span whose counts are the sum of its calls, or a copy of one of them, is no call; one that tells more is a call of what
is more. Below a span are its descendants, whichever file or source told them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from reconcilers.ingest.resolution.one_call import Call
from reconcilers.ingest.resolution.tellings import Span, Usage, is_one_model

#: Meters of a side in the order in which an excess is taken from them; any other meter is a side of its own.
_INPUT = ("input_tokens", "cache_read_input_tokens", "cache_write_input_tokens")
_OUTPUT = ("output_tokens",)


@dataclass(frozen=True)
class Excess:
    """What a call counts for. ``wraps``: it counts only for what it tells beyond ``below``, the calls it was compared with."""

    usage: Usage
    wraps: bool
    below: tuple[Call, ...]

    @property
    def counts(self) -> bool:
        return not self.wraps or bool(self.usage)


def excesses(calls: Sequence[Call]) -> dict[Call, Excess]:
    """For each call what it tells beyond the calls below it."""
    call_of = {span.own_id: call for call in calls for span in call.spans}
    found: dict[Call, Excess] = {}
    waiting: set[Call] = set()

    def reckon(call: Call) -> Excess:
        if call in found:
            return found[call]
        if call.answered_from_cache:
            # It counts here for what it told; that nothing was billed for it is for whoever prices it.
            found[call] = Excess(_own(call), False, ())
            return found[call]
        waiting.add(call)
        lower: dict[Call, None] = {}
        for span in sorted(call.spans, key=lambda span: span.own_id.encode()):
            for other, under_tool in _calls_below(span, call_of):
                # Two calls that are each below the other, in two traces, are not compared: neither contains the other.
                if other is not call and other not in waiting and (span.kind != "model" or not under_tool):
                    lower.setdefault(other)
        for other in lower:
            reckon(other)
        compared = _compared(call, [other for other in lower if found[other].counts], found)
        waiting.discard(call)
        usage = beyond(_own(call), [found[other].usage for other in compared])
        found[call] = Excess(usage, bool(compared) or not call.is_model_operation, tuple(compared))
        return found[call]

    for call in sorted(calls, key=lambda call: max(_depth(span) for span in call.spans), reverse=True):
        reckon(call)
    return found


def beyond(told: Usage, below: Iterable[Usage]) -> Usage:
    """What ``told`` has more than the sum of ``below``, side by side, never below zero."""
    under: Usage = {}
    for usage in below:
        for key, quantity in usage.items():
            under[key] = under.get(key, Decimal(0)) + quantity
    others = sorted({meter for meter, *_ in told} - {*_INPUT, *_OUTPUT})
    more: Usage = {}
    for side in (_INPUT, _OUTPUT, *((meter,) for meter in others)):
        left = _sum(told, side) - _sum(under, side)
        for meter in side:
            left -= _take(meter, told, under, left, more)
    return more


def _take(meter: str, told: Usage, under: Usage, left: Decimal, more: Usage) -> Decimal:
    """Take up to ``left`` from a meter, at most what it tells beyond the same meter below, element by element."""
    room = min(left, _sum(told, (meter,)) - _sum(under, (meter,)))
    taken = Decimal(0)
    for key in sorted((key for key in told if key[0] == meter), key=lambda key: (key[1] or "", key[2] or "")):
        part = min(room - taken, told[key] - under.get(key, Decimal(0)))
        if part > 0:
            more[key] = part
            taken += part
    return max(taken, Decimal(0))


def _compared(call: Call, lower: Sequence[Call], found: dict[Call, Excess]) -> list[Call]:
    """The calls below that a call is compared with.

    A span that is no model operation: all. A model operation: those of its own model or of none, and those of another
    only where a side of their sum equals its own, as a router's over what it chose.
    """
    if not call.is_model_operation:
        return list(lower)
    model = _model(call)
    own = [other for other in lower if model is None or (its := _model(other)) is None or is_one_model(its, model)]
    others = [other for other in lower if other not in own]
    told = _own(call)
    for side in (_INPUT, _OUTPUT):
        total = sum((_sum(found[other].usage, side) for other in others), Decimal(0))
        if total > 0 and total == _sum(told, side):
            return [*own, *others]
    return own


def _calls_below(span: Span, call_of: dict[str, Call]) -> list[tuple[Call, bool]]:
    """The calls of the span's descendants, and whether a tool span is between."""
    found: list[tuple[Call, bool]] = []
    seen = {span.own_id}
    waiting = [(child, False) for child in span.children]
    while waiting:
        below, under_tool = waiting.pop()
        if below.own_id in seen:
            continue
        seen.add(below.own_id)
        if below.own_id in call_of:
            found.append((call_of[below.own_id], under_tool))
        waiting += [(child, under_tool or below.kind == "tool") for child in below.children]
    return sorted(found, key=lambda pair: pair[0].own_id.encode())


def _own(call: Call) -> Usage:
    """The usage of the telling that is believed first."""
    return call.tellings[0].usage


def _model(call: Call) -> str | None:
    return next((telling.model for telling in call.tellings if telling.model is not None), None)


def _sum(usage: Usage, side: Sequence[str]) -> Decimal:
    return sum((quantity for (meter, *_), quantity in usage.items() if meter in side), Decimal(0))


def _depth(span: Span) -> int:
    return len(span.ancestors())
