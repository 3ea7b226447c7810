"""From tellings to calls: what is one call (R29), what a span counts for beyond those below it (R30), who and why (R32)."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from reconcilers.sample_company.seen.facts import Facts, Key, Telling, Usage
from reconcilers.sample_company.truth.counts import INPUT_SIDE, OUTPUT, Partition, Readings, emitter_of

NO_SOURCE = "(none)"
LONG, STANDARD = "long", "standard"
#: R29: how far apart two tellings of one response id may lie, and one scope's telling beyond another's.
_NEAR, _WITHIN = timedelta(minutes=2), timedelta(seconds=2)
#: The date at the end of a model's name that tells which snapshot it is.
_SNAPSHOT = re.compile(r"-(\d{4}-\d\d-\d\d|\d{8})$")
_NAMES = ("event_id", "run_id", "tenant_id", "feature_id", "environment")
_FROM_EARLIEST = ("event_id", "run_id", "tenant_id")
_KEY_FACTS = (
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
    environment: str | None
    origins: dict[str, str]
    estimated: bool
    cache_blind: bool
    sampling_probability_millionths: int | None
    response_ids: frozenset[str]
    #: several tellings name different events, or its counts contradict each other
    names_two_events: bool
    inconsistent_scope: tuple[str | None, str | None, str | None] | None

    @property
    def day(self) -> date:
        return self.ended_at.date()


def call_id(own_ids: Iterable[str]) -> str:
    """R29: lower-case md5 hex of the bytewise smallest own id, in UTF-8."""
    return hashlib.md5(min(own_ids, key=str.encode).encode()).hexdigest()


def read_calls(facts: Facts) -> list[Call]:
    """Every call known at ``as_of``, in ``call_id`` order."""
    return sorted(_Resolution(facts).calls(), key=lambda call: call.call_id)


@dataclass
class _Told:
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
class _Group:
    """Tellings that are one call, in the order in which usage is chosen; ``usage`` is what R30 leaves of it."""

    told: list[_Told]
    answered_from_cache: bool = False
    usage: tuple[Usage, ...] | None = None
    is_sum: bool = False
    band_of: _Told | None = None
    lent: dict[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> _Told:
        return self.told[0]

    @property
    def own_ids(self) -> set[str]:
        return {one.telling.own_id for one in self.told}

    @property
    def is_model(self) -> bool:
        return any(one.telling.kind == "model" for one in self.told)

    def add(self, other: _Group) -> None:
        """Lay another call's tellings together with this one's."""
        self.told = sorted([*self.told, *other.told], key=lambda one: one.usage_order)

    def fact(self, name: str) -> Any:
        """The first telling's word that there is, of a telling or its key."""
        places = (one.telling.key if name in _KEY_FACTS else one.telling for one in self.told)
        return next((value for value in (getattr(place, name) for place in places) if value is not None), None)

    @property
    def model(self) -> str | None:
        told: list[str] = [one.telling.key.model for one in self.told if one.telling.key.model is not None]
        dated = (model for model in told if _SNAPSHOT.search(model) and _is_one_model(model, told[0]))
        return next(dated, told[0]) if told else self.lent.get("model")


class _Resolution:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.readings = Readings(facts)
        tellings = _in_an_order_of_their_own(facts.tellings)
        self.tree = _Tree(tellings)
        units: dict[str, list[_Told]] = defaultdict(list)
        for telling in tellings:
            told = _Told(telling, self.readings.read(telling))
            if telling.kind == "model" or told.partition.tells_usage:
                units[telling.own_id].append(told)
        #: the same span or record is one call (R29)
        self.units = {own_id: sorted(told, key=lambda one: one.usage_order) for own_id, told in units.items()}
        self.trace_names = _names_by_trace(tellings)
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

    def _one_call_each(self) -> list[_Group]:
        free = dict(self.units)
        groups = []
        for own_id in sorted(own_id for own_id, told in self.units.items() if told[0].telling.answered_from_cache):
            if own_id in free:
                groups.append(self._answered_from_cache(own_id, free))
        laid = [_Group(told) for _, told in sorted(free.items())]
        groups += self._by_table(self._by_response_id(laid))
        return groups

    def _answered_from_cache(self, own_id: str, free: dict[str, list[_Told]]) -> _Group:
        """A call of its own, with the model operations above or below it that agree."""
        answer = _Group(free.pop(own_id), answered_from_cache=True)
        for other in [*self.tree.ancestors(own_id), *self.tree.descendants(own_id)]:
            told = free.get(other, [])
            if told and all(one.telling.kind == "model" and _agree(answer.first, one) for one in told):
                answer.told += free.pop(other)
        return answer

    def _by_response_id(self, groups: list[_Group]) -> list[_Group]:
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
            calls: list[_Group] = []
            for group in sorted(candidates, key=lambda one: one.first.usage_order):
                if group.own_ids & above:
                    found.append(group)
                    continue
                fitting = (call for call in calls if all(_agree(a, b) for a in call.told for b in group.told))
                call = next(fitting, None)
                if call is None:
                    calls.append(group)
                else:
                    call.add(group)
            found += calls
        return found

    def _by_table(self, groups: list[_Group]) -> list[_Group]:
        """A telling of a scope that opens, repeats or lies over exactly one telling of another scope, and is its only one."""
        over: dict[int, list[_Group]] = {}
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

    def _is_pair(self, group: _Group, other: _Group, scopes: tuple[str, ...]) -> bool:
        nested = any(self.tree.are_nested(mine, its) for mine in group.own_ids for its in other.own_ids)
        return not nested and _lies_over(group, other, scopes)

    # --- R30 ---------------------------------------------------------------------------------------------------------

    def _beyond_what_is_below(self, groups: list[_Group]) -> None:
        group_of = {own_id: group for group in groups for own_id in group.own_ids}
        below = {id(group): self._below(group, group_of) for group in groups}
        done: set[int] = set()

        def settle(group: _Group, path: frozenset[int]) -> None:
            if id(group) in done:
                return
            for other, _ in below[id(group)]:
                if id(other) not in path:
                    settle(other, path | {id(group)})
            done.add(id(group))
            _take_beyond(group, below[id(group)])

        for group in groups:
            settle(group, frozenset())

    def _below(self, group: _Group, group_of: dict[str, _Group]) -> list[tuple[_Group, bool]]:
        """The calls below a call and whether a tool span lies between on every way to them."""
        found: dict[int, tuple[_Group, bool]] = {}
        for own_id in group.own_ids:
            for other_id, behind_tool in self.tree.below(own_id):
                other = group_of.get(other_id)
                if other is not None and other is not group:
                    _, before = found.get(id(other), (other, True))
                    found[id(other)] = (other, before and behind_tool)
        return list(found.values())

    # --- R32 ---------------------------------------------------------------------------------------------------------

    def _call(self, group: _Group) -> Call:
        names, origins = self._names(group)
        provider = self._provider(group)
        source = self.facts.provider_map.get(provider.provider or "", NO_SOURCE) if provider else NO_SOURCE
        told = {name: group.fact(name) for name in _KEY_FACTS}
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
        )

    def _provider(self, group: _Group) -> Telling | None:
        """R29: provider and account come together, from the first whose provider maps to a billing source."""
        tellings = [one.telling for one in group.told]
        mapped = [one for one in tellings if one.provider in self.facts.provider_map]
        told = [one for one in tellings if one.provider is not None]
        found: Telling | None = next(iter(mapped or told), group.lent.get("provider"))
        return found

    def _band(self, group: _Group, source: str) -> str:
        """R32: of the whole span that told the usage, or of the span above that R30 left the input to."""
        if group.band_of is None and not group.is_model:
            return STANDARD
        of = group.band_of or group.first
        threshold = self.facts.context_thresholds.get((source, of.telling.key.model or group.model or ""))
        is_long = threshold is not None and (of.partition.input_total or 0) > threshold
        return of.telling.key.context_band or (LONG if is_long else STANDARD)

    def _names(self, group: _Group) -> tuple[dict[str, str | None], dict[str, str]]:
        """Own, else of the nearest ancestor, else the only one told in its traces."""
        by_time = sorted((one.telling for one in group.told), key=_earliest)
        names: dict[str, str | None] = dict.fromkeys(_NAMES)
        origins = {}
        for name in _NAMES:
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

    def _ancestors(self, group: _Group) -> Iterator[Telling]:
        for own_id in self.tree.ancestors_of_all(group.own_ids):
            yield self.by_own_id[own_id]

    def _only_in_trace(self, group: _Group, name: str) -> list[str]:
        traces = {one.telling.trace_id for one in group.told if one.telling.trace_id is not None}
        values = {value for trace in traces for value in self.trace_names[trace][name]}
        return list(values) if len(values) == 1 else []


class _Tree:
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


def _in_an_order_of_their_own(tellings: list[Telling]) -> list[Telling]:
    """By own id, deliveries of one span by their text: nothing follows from the order in which files came."""
    deliveries: dict[str, list[Telling]] = defaultdict(list)
    for telling in tellings:
        deliveries[telling.own_id].append(telling)
    ordered = []
    for own_id in sorted(deliveries, key=str.encode):
        told = deliveries[own_id]
        ordered += sorted(set(told), key=repr) if len(told) > 1 else told
    return ordered


def _names_by_trace(tellings: list[Telling]) -> dict[str, dict[str, set[str]]]:
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: {name: set() for name in _NAMES})
    for telling in tellings:
        if telling.trace_id is not None:
            for name in _NAMES:
                value = getattr(telling, name)
                if value is not None:
                    found[telling.trace_id][name].add(value)
    return found


def _earliest(telling: Telling) -> tuple[bool, datetime, bytes]:
    at = telling.started_at or telling.ended_at
    return (at is None, at or datetime.min, telling.own_id.encode())


# --- agreement (R29) -------------------------------------------------------------------------------------------------


def _agree(one: _Told, other: _Told) -> bool:
    """Whether two tellings may be one call: times, models, counts. Provider names do not decide."""
    models = one.telling.key.model, other.telling.key.model
    return _is_one_model(*models) and _times_agree(one, other) and _counts_agree(one, other)


def _is_one_model(one: str | None, other: str | None) -> bool:
    """Equal where both tell one; a snapshot only one of them tells makes no difference."""
    if one is None or other is None or one == other:
        return True
    plain = _SNAPSHOT.sub("", one), _SNAPSHOT.sub("", other)
    return plain[0] == plain[1] and (one, other) != plain and plain[0] in (one, other)


def _totals(one: _Told, other: _Told) -> list[tuple[int | None, int | None]]:
    mine, its = one.partition, other.partition
    return [(mine.input_total, its.input_total), (mine.output_total, its.output_total)]


def _times_agree(one: _Told, other: _Told) -> bool:
    if all(mine is not None and mine == its for mine, its in _totals(one, other)):
        return True
    mine, its = _period(one.telling), _period(other.telling)
    if mine is None or its is None:
        return True
    return mine[0] <= its[1] + _NEAR and its[0] <= mine[1] + _NEAR


def _period(telling: Telling) -> tuple[datetime, datetime] | None:
    first, last = telling.started_at or telling.ended_at, telling.ended_at or telling.started_at
    return None if first is None or last is None else (first, last)


def _counts_agree(one: _Told, other: _Told) -> bool:
    totals = _totals(one, other)
    if emitter_of(one.telling) == emitter_of(other.telling):
        return all(mine == its for mine, its in totals)
    if one.telling.estimated or other.telling.estimated:
        return True
    told = [(mine, its) for mine, its in totals if mine is not None and its is not None]
    if all(mine == its for mine, its in told):
        return True
    return len(told) == len(totals) and any(mine == its != 0 for mine, its in told)


def _lies_over(group: _Group, other: _Group, over: tuple[str, ...]) -> bool:
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
    one_model = _is_one_model(mine.telling.key.model, its.telling.key.model)
    return one_model and len(ids) <= 1 and counts and _one_within(mine, its)


def _one_within(one: _Told, other: _Told) -> bool:
    mine, its = _period(one.telling), _period(other.telling)
    if mine is None or its is None:
        return False
    inside = [(mine, its), (its, mine)]
    return any(a[0] >= b[0] - _WITHIN and a[1] <= b[1] + _WITHIN for a, b in inside)


# --- wrapping (R30) --------------------------------------------------------------------------------------------------


def _take_beyond(group: _Group, below: list[tuple[_Group, bool]]) -> None:
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


def _counts_as(group: _Group) -> tuple[Usage, ...]:
    """What a call counts for in what lies above it; one answered from a cache for what it told."""
    return group.first.partition.usage if group.answered_from_cache else group.usage or ()


def _compared(group: _Group, below: list[tuple[_Group, bool]]) -> list[_Group]:
    below = [(other, behind_tool) for other, behind_tool in below if not other.is_sum]
    if not group.is_model:
        return [other for other, _ in below]
    near = [other for other, behind_tool in below if not behind_tool]
    own = [other for other in near if _is_one_model(other.model, group.model)]
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
