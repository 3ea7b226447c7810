"""Tellings of one operation laid together (R29): spans that share a response id, or of which one lies over the other.

A ``Call`` holds spans; tellings of one own id are one span from the start. What no rule joins is a call of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from reconcilers.ingest.resolution.tellings import Row, Span, Telling, agree, counts_agree, is_one_model

#: How far a telling may reach beyond the one it opens, repeats or lies over.
_MARGIN = timedelta(seconds=2)


@dataclass(eq=False)
class Call:
    """Spans that are one call. ``identity_group``: the response id that several calls tell, though they do not agree."""

    spans: list[Span]
    identity_group: str | None = None

    @cached_property
    def tellings(self) -> list[Telling]:
        """In the order in which they are believed."""
        return sorted((t for span in self.spans for t in span.tellings), key=lambda telling: telling.order)

    @cached_property
    def own_id(self) -> str:
        """The bytewise smallest own id of its tellings."""
        return min((span.own_id for span in self.spans), key=str.encode)

    @property
    def answered_from_cache(self) -> bool:
        return any(span.answered_from_cache for span in self.spans)

    @cached_property
    def is_model_operation(self) -> bool:
        return any(span.kind == "model" for span in self.spans)


@dataclass
class _Joined:
    """Disjoint sets of spans."""

    leader: dict[str, str] = field(default_factory=dict)

    def find(self, own_id: str) -> str:
        while (above := self.leader.get(own_id, own_id)) != own_id:
            own_id = above
        return own_id

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self.find(one), self.find(other)))
        self.leader[second] = first


def laid_together(spans: Sequence[Span]) -> list[Call]:
    """The calls that billable ``spans`` are, by their own ids in byte order. Their parents and children are in place."""
    billable = sorted((span for span in spans if span.billable), key=lambda span: span.own_id.encode())
    joined = _Joined()
    groups: dict[str, str] = {}
    cached = _answered_from_cache(billable, joined)
    by_response: dict[str, list[Span]] = defaultdict(list)
    for span in billable:
        response_id = span.told("response_id")
        if response_id is not None and span.kind == "model" and span.own_id not in cached:
            by_response[response_id].append(span)
    for response_id, group in sorted(by_response.items()):
        if len(group) > 1:
            laid = _laid_by_response(group)
            for members in laid:
                for span in members[1:]:
                    joined.join(members[0].own_id, span.own_id)
            if len(laid) > 1:
                groups |= {members[0].own_id: response_id for members in laid}
    models = [span for span in billable if span.kind == "model" and span.own_id not in cached]
    _streams(models, joined)
    _pairs(models, joined)
    members_of: dict[str, list[Span]] = defaultdict(list)
    for span in billable:
        members_of[joined.find(span.own_id)].append(span)
    ambiguous = {joined.find(own_id): response_id for own_id, response_id in sorted(groups.items())}
    return [Call(members, ambiguous.get(leader)) for leader, members in members_of.items()]


def _answered_from_cache(billable: Iterable[Span], joined: _Joined) -> set[str]:
    """Join each answer from a cache in between with the model operations above or below it that agree."""
    taken: set[str] = set()
    for span in billable:
        if not span.answered_from_cache:
            continue
        taken.add(span.own_id)
        for near in (*span.ancestors(), *_below(span)):
            if near.billable and near.kind == "model" and agree(span.first, near.first):
                joined.join(span.own_id, near.own_id)
                taken.add(near.own_id)
    return taken


def _laid_by_response(group: Sequence[Span]) -> list[list[Span]]:
    """Spans of one response id, each joining the first call with all of whose tellings it agrees.

    A span above another of the group takes no part: what it tells is compared with what is below it (R30).
    """
    ids = {span.own_id for span in group}
    above = {ancestor.own_id for span in group for ancestor in span.ancestors()} & ids
    laid: list[list[Span]] = []
    for span in sorted((span for span in group if span.own_id not in above), key=lambda span: span.first.order):
        for call in laid:
            if all(agree(span.first, other.first) for other in call):
                call.append(span)
                break
        else:
            laid.append([span])
    return laid


def _streams(models: Sequence[Span], joined: _Joined) -> None:
    """Join a span that opens a stream with the one that tells its end, of a scope that by its table lies over itself.

    The end has no length: when its call began is told by the opening, so its time reaches back to it, however long the
    stream was. It is the end of the last opening before it, where that is the last before no other end.
    """
    by_work: dict[tuple[object, ...], list[Span]] = defaultdict(list)
    for span in models:
        by_work[(span.first.row["scope_name"], *_work(span.first.row))].append(span)
    for spans in by_work.values():
        opening = [span for span in spans if span.first.row["scope_name"] in (span.first.row["over_scopes"] or ())]
        ends_of: dict[str, list[Span]] = defaultdict(list)
        for end in spans if opening else ():
            if end.first.began == end.first.ended:
                before = [span for span in opening if span is not end and _opens(span, end)]
                if before:
                    last = max(before, key=lambda span: (span.first.ended, span.own_id.encode()))
                    ends_of[last.own_id].append(end)
        for own_id, ends in ends_of.items():
            if len(ends) == 1:
                joined.join(own_id, ends[0].own_id)


def _opens(span: Span, end: Span) -> bool:
    """Whether a span can be the opening of a call that ``end`` tells: it tells nothing of the answer."""
    one, two = span.first, end.first
    tells_nothing = one.totals == (None, None) and span.told("response_id") is None and one.row["status"] != "error"
    return tells_nothing and one.began < one.ended <= two.ended + _MARGIN and _same_model(one, two)


def _pairs(models: Sequence[Span], joined: _Joined) -> None:
    """Join a span with the one call that it opens, repeats or lies over, by its dialect's table of emitters."""
    by_scope: dict[tuple[object, ...], list[Span]] = defaultdict(list)
    for span in models:
        by_scope[(span.first.row["scope_name"], *_work(span.first.row))].append(span)
    candidates: dict[str, list[Span]] = {}
    claims: dict[str, int] = defaultdict(int)
    for span in models:
        row = span.first.row
        below = [
            other
            for scope in row["over_scopes"] or ()
            if scope != row["scope_name"]
            for other in by_scope.get((scope, *_work(row)), ())
            if other is not span and _lies_over(span, other)
        ]
        candidates[span.own_id] = below
        for other in below:
            claims[other.own_id] += 1
    for span in models:
        below = candidates[span.own_id]
        if len(below) == 1 and claims[below[0].own_id] == 1:
            joined.join(span.own_id, below[0].own_id)


def _work(row: Row) -> tuple[object, ...]:
    """The event and run a telling names; its trace where it names neither; itself where it is in none, as a record can be."""
    named = (row["event_id"], row["run_id"])
    return named if any(named) else ("trace", row["trace_id"] or row["record_id"])


def _lies_over(span: Span, other: Span) -> bool:
    one, two = span.first, other.first
    ids = {span.told("response_id"), other.told("response_id")} - {None}
    inside = _within(one, two) or _within(two, one)
    nested = span in other.ancestors() or other in span.ancestors()
    alike = _same_model(one, two) and len(ids) < 2 and counts_agree(one.totals, two.totals)
    return inside and not nested and alike


def _same_model(one: Telling, two: Telling) -> bool:
    if one.model is None or two.model is None:
        return one.model is two.model
    return is_one_model(one.model, two.model)


def _within(one: Telling, other: Telling) -> bool:
    return other.began - _MARGIN <= one.began and one.ended <= other.ended + _MARGIN


def _below(span: Span) -> list[Span]:
    """All descendants of a span in its trace."""
    found: dict[str, Span] = {}
    waiting = list(span.children)
    while waiting:
        child = waiting.pop()
        if child.own_id not in found and child is not span:
            found[child.own_id] = child
            waiting += child.children
    return list(found.values())
