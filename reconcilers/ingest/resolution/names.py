"""Who and why a call was made (R32): its own names, else its nearest ancestor's, else the only one told in its trace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from reconcilers.ingest.resolution.one_call import Call
from reconcilers.ingest.resolution.tellings import Span

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


class Traces:
    """What the spans of each trace tell, by name: the values, so that an only one can be seen."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.told: dict[str, dict[str, set[Any]]] = defaultdict(lambda: defaultdict(set))
        for span in spans:
            for telling in span.tellings:
                trace_id = telling.row["trace_id"]
                if trace_id is not None:
                    for name in NAMES:
                        if telling.row[name] is not None:
                            self.told[trace_id.lower()][name].add(telling.row[name])

    def only(self, call: Call, name: str) -> Any:
        """The only value told in the traces of a call; None where there is none or are several."""
        traces = {telling.row["trace_id"].lower() for telling in call.tellings if telling.row["trace_id"]}
        values = {value for trace_id in traces if trace_id in self.told for value in self.told[trace_id][name]}
        return next(iter(values)) if len(values) == 1 else None


def names_of(call: Call, traces: Traces) -> tuple[dict[str, Any], Mapping[str, str]]:
    """The names of a call, and for those that are not its own where they came from: ``ancestor`` or ``trace``."""
    found: dict[str, Any] = {}
    origin: dict[str, str] = {}
    above: list[Span] | None = None
    for name in NAMES:
        tellings = sorted(call.tellings, key=lambda telling: telling.moment) if name in _BY_TIME else call.tellings
        value = next((telling.row[name] for telling in tellings if telling.row[name] is not None), None)
        if value is None:
            above = _above(call) if above is None else above
            value = next((told for span in above if (told := span.told(name)) is not None), None)
            if value is not None:
                origin[name] = "ancestor"
            elif (value := traces.only(call, name)) is not None:
                origin[name] = "trace"
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
