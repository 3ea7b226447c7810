"""Who and why a call was made (R32): its own names, else its nearest ancestor's, else the only one told in its trace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from reconcilers.ingest.resolution.one_call import Call
from reconcilers.ingest.resolution.tellings import Span, Telling

#: What a call can have from above.
NAMES = (
    "event_id",
    "run_id",
    "tenant_id",
    "feature_id",
    "workflow",
    "prompt_version",
    "customer_id",
    "user_hash",
    "environment",
)
#: Of these, what the earliest telling says; the rest, as all other facts, the one believed first (R29).
_BY_TIME = frozenset({"event_id", "run_id", "tenant_id"})


class Inherited(NamedTuple):
    """A name that is not a call's own: ``how`` it came (``ancestor``, ``trace``), and the telling that says it."""

    how: str
    telling: Telling


class Traces:
    """What the spans of each trace tell, by name: the values, so that an only one can be seen, with the earliest that says each."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.told: dict[str, dict[str, dict[Any, Telling]]] = defaultdict(lambda: defaultdict(dict))
        for span in spans:
            for telling in span.tellings:
                trace_id = telling.row["trace_id"]
                if trace_id is not None:
                    for name in NAMES:
                        if (value := telling.row[name]) is not None:
                            tellers = self.told[trace_id.lower()][name]
                            tellers[value] = min(tellers.get(value, telling), telling, key=lambda one: one.moment)

    def only(self, call: Call, name: str) -> Telling | None:
        """The earliest that tells the only value told in the traces of a call; None where there is none or are several."""
        traces = {telling.row["trace_id"].lower() for telling in call.tellings if telling.row["trace_id"]}
        told = [pair for trace_id in traces if trace_id in self.told for pair in self.told[trace_id][name].items()]
        return (
            min((one for _, one in told), key=lambda one: one.moment)
            if len({value for value, _ in told}) == 1
            else None
        )


def names_of(call: Call, traces: Traces) -> tuple[dict[str, Any], Mapping[str, Inherited]]:
    """The names of a call, and for those that are not its own where they came from."""
    found: dict[str, Any] = {}
    origin: dict[str, Inherited] = {}
    above: list[Span] | None = None
    for name in NAMES:
        tellings = sorted(call.tellings, key=lambda telling: telling.moment) if name in _BY_TIME else call.tellings
        value = next((telling.row[name] for telling in tellings if telling.row[name] is not None), None)
        if value is None:
            above = _above(call) if above is None else above
            if teller := next((told for span in above if (told := span.teller(name)) is not None), None):
                origin[name] = Inherited("ancestor", teller)
            elif teller := traces.only(call, name):
                origin[name] = Inherited("trace", teller)
            value = teller.row[name] if teller else None
        found[name] = value
    return found, origin


def _above(call: Call) -> list[Span]:
    """Ancestors of all its spans, nearest first, then by own id."""
    near = [
        (hops, span.own_id.encode(), span)
        for own in call.spans
        for hops, span in enumerate(own.ancestors())
        if span not in call.spans
    ]
    return [span for *_, span in sorted(near, key=lambda found: found[:2])]
