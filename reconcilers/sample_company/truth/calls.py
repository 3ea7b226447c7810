"""From tellings to calls: what is one call (R29), what a span counts for beyond those below it (R30), who and why (R32).

``tellings`` says when two of them may be one, ``wrapping`` what is beyond, ``traces`` which span lies below which.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from reconcilers.sample_company.seen.facts import Facts, Key, Telling, Usage
from reconcilers.sample_company.truth.counts import Readings
from reconcilers.sample_company.truth.tellings import KEY_FACTS, Group, Told, agree, lies_over
from reconcilers.sample_company.truth.traces import NAMES, Tree, in_an_order_of_their_own, names_by_trace
from reconcilers.sample_company.truth.wrapping import take_beyond

NO_SOURCE = "(none)"
LONG, STANDARD = "long", "standard"
_FROM_EARLIEST = ("event_id", "run_id", "tenant_id")


@dataclass(frozen=True)
class Call:
    """One call, told once or several times. ``source`` is the billing source whose bill it meets, ``usage`` what counts.

    ``origins`` tells of each name where it came from: ``own``, ``ancestor`` or ``trace`` (R32); a name not known is not in it.
    """

    call_id: str
    source: str
    key: Key
    ended_at: datetime
    started_at: datetime | None
    usage: tuple[Usage, ...]
    event_id: str | None
    run_id: str | None
    tenant_id: str | None
    feature_id: str | None
    workflow: str | None
    prompt_version: str | None
    user_id: str | None
    environment: str | None
    data_mode: str | None
    origins: dict[str, str]
    estimated: bool
    cache_blind: bool
    sampling_probability_millionths: int | None
    response_ids: frozenset[str]
    #: several tellings name different events, or its counts contradict each other
    names_two_events: bool
    inconsistent_scope: tuple[str | None, str | None, str | None] | None
    #: what the machine was like, where a telling says
    queue_ms: int | None = None
    jitter_ms: int | None = None
    throttled: bool | None = None

    @property
    def day(self) -> date:
        return self.ended_at.date()


def call_id(own_ids: Iterable[str]) -> str:
    """R29: lower-case md5 hex of the bytewise smallest own id, in UTF-8."""
    return hashlib.md5(min(own_ids, key=str.encode).encode()).hexdigest()


def read_calls(facts: Facts) -> list[Call]:
    """Every call known at ``as_of``, in ``call_id`` order."""
    return sorted(_Resolution(facts).calls(), key=lambda call: call.call_id)


class _Resolution:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.readings = Readings(facts)
        tellings = in_an_order_of_their_own(facts.tellings)
        self.tree = Tree(tellings)
        units: dict[str, list[Told]] = defaultdict(list)
        for telling in tellings:
            told = Told(telling, self.readings.read(telling))
            if telling.kind == "model" or told.partition.tells_usage:
                units[telling.own_id].append(told)
        #: the same span or record is one call (R29)
        self.units = {own_id: sorted(told, key=lambda one: one.usage_order) for own_id, told in units.items()}
        self.trace_names = names_by_trace(tellings)
        self.by_own_id: dict[str, Telling] = {}
        for telling in tellings:
            self.by_own_id.setdefault(telling.own_id, telling)

    def calls(self) -> Iterator[Call]:
        groups = self._one_call_each()
        self._beyond_what_is_below(groups)
        for group in groups:
            if not group.is_sum:
                yield self._call(group)

    # --- R29 ---------------------------------------------------------------------------------------------------------

    def _one_call_each(self) -> list[Group]:
        free = dict(self.units)
        groups = []
        for own_id in sorted(own_id for own_id, told in self.units.items() if told[0].telling.answered_from_cache):
            if own_id in free:
                groups.append(self._answered_from_cache(own_id, free))
        laid = [Group(told) for _, told in sorted(free.items())]
        groups += self._by_table(self._by_response_id(laid))
        return groups

    def _answered_from_cache(self, own_id: str, free: dict[str, list[Told]]) -> Group:
        """A call of its own, with the model operations above or below it that agree."""
        answer = Group(free.pop(own_id), answered_from_cache=True)
        for other in [*self.tree.ancestors(own_id), *self.tree.descendants(own_id)]:
            told = free.get(other, [])
            if told and all(one.telling.kind == "model" and agree(answer.first, one) for one in told):
                answer.told += free.pop(other)
        return answer

    def _by_response_id(self, groups: list[Group]) -> list[Group]:
        """Model operations of one response id that agree; what lies above another of that id is R30's."""
        found, by_id = [], defaultdict(list)
        for group in groups:
            response_id = group.fact("response_id")
            if response_id is None or not group.is_model:
                found.append(group)
            else:
                by_id[response_id].append(group)
        for candidates in by_id.values():
            own_ids = {own_id for group in candidates for own_id in group.own_ids}
            above = {own_id for one in own_ids for own_id in self.tree.ancestors(one)}
            calls: list[Group] = []
            for group in sorted(candidates, key=lambda one: one.first.usage_order):
                if group.own_ids & above:
                    found.append(group)
                    continue
                fitting = (call for call in calls if all(agree(a, b) for a in call.told for b in group.told))
                call = next(fitting, None)
                if call is None:
                    calls.append(group)
                else:
                    call.add(group)
            found += calls
        return found

    def _by_table(self, groups: list[Group]) -> list[Group]:
        """A telling of a scope that opens, repeats or lies over exactly one telling of another scope, and is its only one."""
        over: dict[int, list[Group]] = {}
        under: Counter[int] = Counter()
        for group in groups:
            scopes = self.readings.one_call_with(group.first.telling)
            mine = (one for one in groups if one is not group and self._is_pair(group, one, scopes))
            over[id(group)] = list(mine) if scopes else []
            under.update(id(one) for one in over[id(group)])
        merged: set[int] = set()
        for group in groups:
            others = over[id(group)]
            if len(others) == 1 and under[id(others[0])] == 1 and id(group) not in merged:
                others[0].add(group)
                merged.add(id(group))
        return [group for group in groups if id(group) not in merged]

    def _is_pair(self, group: Group, other: Group, scopes: tuple[str, ...]) -> bool:
        nested = any(self.tree.are_nested(mine, its) for mine in group.own_ids for its in other.own_ids)
        return not nested and lies_over(group, other, scopes)

    # --- R30 ---------------------------------------------------------------------------------------------------------

    def _beyond_what_is_below(self, groups: list[Group]) -> None:
        group_of = {own_id: group for group in groups for own_id in group.own_ids}
        below = {id(group): self._below(group, group_of) for group in groups}
        done: set[int] = set()

        def settle(group: Group, path: frozenset[int]) -> None:
            if id(group) in done:
                return
            for other, _ in below[id(group)]:
                if id(other) not in path:
                    settle(other, path | {id(group)})
            done.add(id(group))
            take_beyond(group, below[id(group)])

        for group in groups:
            settle(group, frozenset())

    def _below(self, group: Group, group_of: dict[str, Group]) -> list[tuple[Group, bool]]:
        """The calls below a call and whether a tool span lies between on every way to them."""
        found: dict[int, tuple[Group, bool]] = {}
        for own_id in group.own_ids:
            for other_id, behind_tool in self.tree.below(own_id):
                other = group_of.get(other_id)
                if other is not None and other is not group:
                    _, before = found.get(id(other), (other, True))
                    found[id(other)] = (other, before and behind_tool)
        return list(found.values())

    # --- R32 ---------------------------------------------------------------------------------------------------------

    def _call(self, group: Group) -> Call:
        names, origins = self._names(group)
        provider = self._provider(group)
        source = self.facts.provider_map.get(provider.provider or "", NO_SOURCE) if provider else NO_SOURCE
        told = {name: group.fact(name) for name in KEY_FACTS}
        key = Key(billing_account_id=provider.key.billing_account_id if provider else None, **told)
        key = replace(key, model=group.model, context_band=key.context_band or self._band(group, source))
        ended_at = group.fact("ended_at") or group.fact("started_at")
        assert ended_at is not None, f"{group.first.telling.own_id} tells no time: a record to reject (R33)"
        usage_of = group.first.telling
        events = {one.telling.event_id for one in group.told if one.telling.event_id is not None}
        scope = (usage_of.scope_name, usage_of.scope_version, usage_of.operation)
        return Call(
            call_id=call_id(group.own_ids),
            source=source,
            key=key,
            ended_at=ended_at,
            started_at=group.fact("started_at"),
            usage=() if group.answered_from_cache else group.usage or (),
            **names,
            origins=origins,
            estimated=usage_of.estimated,
            cache_blind=self.readings.is_cache_blind(usage_of),
            sampling_probability_millionths=group.fact("sampling_probability_millionths") or None,
            response_ids=frozenset(
                one.telling.response_id for one in group.told if one.telling.response_id is not None
            ),
            names_two_events=len(events) > 1,
            inconsistent_scope=scope if group.first.partition.inconsistent else None,
            queue_ms=group.fact("queue_ms"),
            jitter_ms=group.fact("jitter_ms"),
            throttled=group.fact("throttled"),
        )

    def _provider(self, group: Group) -> Telling | None:
        """R29: provider and account come together, from the first whose provider maps to a billing source."""
        tellings = [one.telling for one in group.told]
        mapped = [one for one in tellings if one.provider in self.facts.provider_map]
        told = [one for one in tellings if one.provider is not None]
        found: Telling | None = next(iter(mapped or told), group.lent.get("provider"))
        return found

    def _band(self, group: Group, source: str) -> str:
        """R32: of the whole span that told the usage, or of the span above that R30 left the input to."""
        if group.band_of is None and not group.is_model:
            return STANDARD
        of = group.band_of or group.first
        threshold = self.facts.context_thresholds.get((source, of.telling.key.model or group.model or ""))
        is_long = threshold is not None and (of.partition.input_total or 0) > threshold
        return of.telling.key.context_band or (LONG if is_long else STANDARD)

    def _names(self, group: Group) -> tuple[dict[str, str | None], dict[str, str]]:
        """Own, else of the nearest ancestor, else the only one told in its traces."""
        by_time = sorted((one.telling for one in group.told), key=_earliest)
        names: dict[str, str | None] = dict.fromkeys(NAMES)
        origins = {}
        for name in NAMES:
            tellings = by_time if name in _FROM_EARLIEST else [one.telling for one in group.told]
            for origin, values in (
                ("own", (getattr(one, name) for one in tellings)),
                ("ancestor", (getattr(one, name) for one in self._ancestors(group))),
                ("trace", iter(self._only_in_trace(group, name))),
            ):
                value = next((value for value in values if value is not None), None)
                if value is not None:
                    names[name], origins[name] = value, origin
                    break
        return names, origins

    def _ancestors(self, group: Group) -> Iterator[Telling]:
        for own_id in self.tree.ancestors_of_all(group.own_ids):
            yield self.by_own_id[own_id]

    def _only_in_trace(self, group: Group, name: str) -> list[str]:
        traces = {one.telling.trace_id for one in group.told if one.telling.trace_id is not None}
        values = {value for trace in traces for value in self.trace_names[trace][name]}
        return list(values) if len(values) == 1 else []


def _earliest(telling: Telling) -> tuple[bool, datetime, bytes]:
    at = telling.started_at or telling.ended_at
    return (at is None, at or datetime.min, telling.own_id.encode())
