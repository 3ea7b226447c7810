"""From contested tellings to calls: rows of ``resolved_calls``, by the rules of the modules beside this one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from reconcilers import naming
from reconcilers.ingest.resolution.names import Inherited, Traces, names_of
from reconcilers.ingest.resolution.one_call import Call, laid_together
from reconcilers.ingest.resolution.tellings import Knowledge, Row, Span, Telling, Usage, is_one_model
from reconcilers.ingest.resolution.wrapping import Excess, excesses

#: (source, scope name, scope version, provider, operation)
Emitter = tuple[str | None, ...]
#: Facts that come together from the first telling whose provider maps to a billing source (R29).
_PAYER = ("provider", "endpoint", "billing_account_id")
#: Facts that say how a usage was counted, so they come with it.
_OF_USAGE = frozenset(
    [
        "usage",
        "usage_source",
        "meters_told",
        "input_total",
        "output_total",
        "cached_total",
        "tells_cache",
        "emitter_tells_cache",
        "token_semantics",
        "token_semantics_by",
        "cache_exceeds_input",
        "usage_inconsistent",
        "scope_name",
        "scope_version",
        "dialect",
        "record_id",
        "span_kind",
    ]
)


def resolved(
    rows: Iterable[Row], excluding: Collection[Emitter], blind: Collection[Emitter], knowledge: Knowledge
) -> list[dict[str, Any]]:
    """The calls that tellings are, as rows of ``resolved_calls`` without source and landing of their own.

    ``rows`` are whole components: no telling outside of them is linked to one of them. ``excluding`` and ``blind`` are the
    emitters found to count input without the cached tokens (R31), and to tell no cached count (R8).
    """
    spans = _spans(_telling(row, excluding, blind, knowledge) for row in rows)
    calls = laid_together(list(spans.values()))
    counted = excesses(calls)
    above = _input_left_above(counted)
    traces = Traces(spans.values())
    wrappers = _wrappers(counted)
    return [
        _row(call, excess, wrappers[call], above.get(call), traces, knowledge)
        for call, excess in sorted(counted.items(), key=lambda pair: pair[0].own_id.encode())
        if excess.counts
    ]


def _telling(row: Row, excluding: Collection[Emitter], blind: Collection[Emitter], knowledge: Knowledge) -> Telling:
    emitter = tuple(row[name] for name in ("source", "scope_name", "scope_version", "provider", "operation"))
    model = None if row["model"] is None else knowledge.model_name(row["provider"], row["model"])
    return Telling(row, emitter in excluding, emitter in blind, model)


def _spans(tellings: Iterable[Telling]) -> dict[str, Span]:
    """Operations by own id, with their parents and children of the same trace in place."""
    spans: dict[str, Span] = {}
    for telling in tellings:
        spans.setdefault(telling.own_id, Span(telling.own_id, [])).tellings.append(telling)
    for span in spans.values():
        span.tellings.sort(key=lambda telling: telling.order)
        for telling in span.tellings:
            if span.parent is None and telling.row["trace_id"] and telling.row["parent_span_id"]:
                parent = f"{telling.row['trace_id'].lower()}|{telling.row['parent_span_id'].lower()}"
                span.parent = spans.get(parent) if parent != span.own_id else None
        if span.parent is not None:
            span.parent.children.append(span)
    return spans


def _input_left_above(counted: Mapping[Call, Excess]) -> dict[Call, int]:
    """For a model operation without input of its own, the input of the one above that kept it: its context band (R32)."""
    found: dict[Call, int] = {}
    for call, excess in counted.items():
        if call.is_model_operation and _input(excess.usage) > 0:
            total = call.tellings[0].totals[0]
            found |= {
                below: total
                for below in excess.below
                if below.is_model_operation and not _input(counted[below].usage) and total is not None
            }
    return found


def _wrappers(counted: Mapping[Call, Excess]) -> Mapping[Call, Sequence[Call]]:
    """For each call those above it that were compared with it (R30)."""
    found: dict[Call, list[Call]] = defaultdict(list)
    for call, excess in counted.items():
        for below in excess.below:
            found[below].append(call)
    return found


def _input(usage: Usage) -> Decimal:
    return sum((quantity for (meter, *_), quantity in usage.items() if meter.endswith("input_tokens")), Decimal(0))


def _row(
    call: Call,
    excess: Excess,
    wrappers: Iterable[Call],
    input_above: int | None,
    traces: Traces,
    knowledge: Knowledge,
) -> dict[str, Any]:
    first = call.tellings[0]
    names, origin = names_of(call, traces)
    row = {
        name: value if name in _OF_USAGE else _first_told(call.tellings, name, value)
        for name, value in first.row.items()
    }
    payer = _payer(call, excess, knowledge)
    facts = dict(zip(_PAYER, (payer[name] for name in _PAYER), strict=True)) if payer else {}
    models = {model for below in excess.below if (model := _model_told(below))}
    row["model"] = _model_told(call)
    if row["model"] is None and len(models) == 1:
        row["model"] = models.pop()
    events = {telling.row["event_id"] for telling in call.tellings} - {None}
    total = first.totals[0]
    # What has no length, a log record or the end of a stream, does not say when the call began.
    began = next((t.row["started_at"] for t in call.tellings if t.began < t.ended and t.began <= first.ended), None)
    return (
        row
        | facts
        | names
        | {
            "own_id": call.own_id,
            "started_at": row["started_at"] if began is None else began,
            "telemetry_source": first.row["source"],
            "told_landing_id": first.row["landing_id"],
            "told_landing_line": first.row["landing_line"],
            "tellings": len(call.tellings),
            "inherited": " ".join(f"{name}={told.how}" for name, told in origin.items()) or None,
            "identity_group": call.identity_group or (_response_id(call) if len(events) > 1 else None),
            "names_two_events": len(events) > 1,
            "took_part": _took_part(call, excess, wrappers, origin),
            "cache_blind": first.cache_blind,
            "cache_exceeds_input": first.row["cache_exceeds_input"] and not first.excludes_cache,
            "billable": True,
            "answered_from_cache": call.answered_from_cache,
            "usage": [
                {"meter": meter, "modality": modality, "cache_ttl": ttl, "quantity": quantity}
                for (meter, modality, ttl), quantity in excess.usage.items()
                if not call.answered_from_cache
            ],
            "usage_exclusive": None,
            # What a wrapper says its calls cost is said by the calls.
            "reported_cost": None if excess.below else row["reported_cost"],
            "usage_source": "missing" if not excess.usage or call.answered_from_cache else first.row["usage_source"],
            # The excess of a span that is no model operation has no band of its own (R32).
            "input_total": (total if input_above is None else input_above) if call.is_model_operation else None,
        }
    )


def _took_part(
    call: Call, excess: Excess, wrappers: Iterable[Call], origin: Mapping[str, Inherited]
) -> list[dict[str, Any]]:
    """What each telling did for a call: its own, those of the calls above that contain it, and those it has names from."""
    first, *others = call.tellings
    usage_counts = bool(excess.usage) and not call.answered_from_cache
    names: dict[Telling, list[str]] = defaultdict(list)
    for name, inherited in origin.items():
        names[inherited.telling].append(name)
    did = [
        (first, ("beyond" if excess.below else "counted") if usage_counts else "told"),
        *((telling, "told") for telling in others),
        *((telling, "wraps") for above in wrappers for telling in above.tellings),
        *((telling, " ".join(["names", *told])) for telling, told in names.items()),
    ]
    where = ("source", "landing_id", "landing_line")
    parts = ({name: telling.row[name] for name in where} | {"part": part} for telling, part in did)
    return sorted(parts, key=lambda row: [row["part"], *(row[name] for name in where)])


def _response_id(call: Call) -> str | None:
    """The bytewise smallest response id of a call."""
    told = {telling.row["response_id"] for telling in call.tellings} - {None}
    return min(told, key=str.encode, default=None)


def _payer(call: Call, excess: Excess, knowledge: Knowledge) -> Row | None:
    """Who tells which account was billed: the first whose provider maps to a billing source, else the first that names one.

    A wrapper that names no provider has that of the calls below it, where they name one only.
    """
    told = [telling.row for telling in call.tellings if telling.row["provider"] is not None]
    found = next((row for row in told if knowledge.is_mapped(row["provider"])), told[0] if told else None)
    if found is None and excess.below:
        below = [row for other in excess.below if (row := _payer(other, Excess({}, True, ()), knowledge)) is not None]
        if len({tuple(row[name] for name in _PAYER) for row in below}) == 1:
            return below[0]
    return found


def _model_told(call: Call) -> str | None:
    """The model of the first telling that names one, with the snapshot where only another of that model tells it (R29)."""
    named = [(telling.model, telling.row["model"]) for telling in call.tellings if telling.model is not None]
    if not named:
        return None
    first, as_told = named[0]
    dated = (row for name, row in named if naming.undated(name) != name and is_one_model(name, first))
    return str(next(dated, as_told))


def _first_told(tellings: Iterable[Telling], name: str, otherwise: Any) -> Any:
    return next((telling.row[name] for telling in tellings if telling.row[name] is not None), otherwise)
