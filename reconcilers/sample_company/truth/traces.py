"""Spans by their traces: which lies below which, and what names a trace tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from reconcilers.sample_company.seen.facts import Telling

#: What a call can have from above it or from its trace (R32).
NAMES = (
    "event_id",
    "run_id",
    "tenant_id",
    "feature_id",
    "workflow",
    "prompt_version",
    "user_id",
    "environment",
    "data_mode",
)


class Tree:
    """Which span lies below which, over all files and sources."""

    def __init__(self, tellings: list[Telling]) -> None:
        self.parent: dict[str, str] = {}
        self.kind: dict[str, str] = {}
        self.children: dict[str, list[str]] = defaultdict(list)
        for telling in tellings:
            self.kind.setdefault(telling.own_id, telling.kind)
            if telling.trace_id is None or not telling.parent_span_id or telling.own_id in self.parent:
                continue
            parent = f"{telling.trace_id}|{telling.parent_span_id}".lower()
            self.parent[telling.own_id] = parent
            self.children[parent].append(telling.own_id)

    def ancestors(self, own_id: str) -> list[str]:
        """Told spans above, nearest first."""
        found: list[str] = []
        seen = {own_id}
        while (above := self.parent.get(own_id)) is not None and above not in seen:
            seen.add(above)
            own_id = above
            if above in self.kind:
                found.append(above)
        return found

    def ancestors_of_all(self, own_ids: set[str]) -> list[str]:
        """Ancestors of several spans by distance, then by own id; none of the spans themselves."""
        distance: dict[str, int] = {}
        for own_id in own_ids:
            for steps, above in enumerate(self.ancestors(own_id)):
                distance[above] = min(steps, distance.get(above, steps))
        return sorted(distance.keys() - own_ids, key=lambda above: (distance[above], above.encode()))

    def below(self, own_id: str) -> Iterator[tuple[str, bool]]:
        """Spans below, and whether a tool span lies between."""
        seen, open_ = {own_id}, [(child, False) for child in self.children.get(own_id, ())]
        while open_:
            below, behind_tool = open_.pop()
            if below in seen:
                continue
            seen.add(below)
            yield below, behind_tool
            behind = behind_tool or self.kind[below] == "tool"
            open_ += [(child, behind) for child in self.children.get(below, ())]

    def descendants(self, own_id: str) -> list[str]:
        return [below for below, _ in self.below(own_id)]

    def are_nested(self, one: str, other: str) -> bool:
        return other in self.ancestors(one) or one in self.ancestors(other)


def in_an_order_of_their_own(tellings: list[Telling]) -> list[Telling]:
    """By own id, deliveries of one span by their text: nothing follows from the order in which files came."""
    deliveries: dict[str, list[Telling]] = defaultdict(list)
    for telling in tellings:
        deliveries[telling.own_id].append(telling)
    ordered = []
    for own_id in sorted(deliveries, key=str.encode):
        told = deliveries[own_id]
        ordered += sorted(set(told), key=repr) if len(told) > 1 else told
    return ordered


def names_by_trace(tellings: list[Telling]) -> dict[str, dict[str, set[str]]]:
    """Trace → name → the values told in it."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: {name: set() for name in NAMES})
    for telling in tellings:
        if telling.trace_id is not None:
            for name in NAMES:
                value = getattr(telling, name)
                if value is not None:
                    found[telling.trace_id][name].add(value)
    return found
