"""Where and when a true call can be seen: its trace, the file its span comes in, the environment it names."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from reconcilers.sample_company.world.company import DOCUMENTS_SERVICE, GCP, OPENROUTER, SERVICES
from reconcilers.sample_company.world.happened import TrueCall

_EPOCH = datetime(1970, 1, 1)
_FLUSH_HOURS = {"edge": 12, "workers": 24, "batch": 24}
_FLUSH_DELAY = timedelta(minutes=5)


def passed_on(call: TrueCall) -> bool:
    """Whether the company's LiteLLM proxy passed the call on, whose logs tell it."""
    return call.source == OPENROUTER


def logged_by_bedrock(call: TrueCall) -> bool:
    """Whether Bedrock's invocation logs tell the call, of a service whose spans tell its runs alone."""
    return call.service == DOCUMENTS_SERVICE


def kept_in_bigquery(call: TrueCall) -> bool:
    """Whether a table in BigQuery tells the call, of a service whose spans tell its runs alone."""
    return call.source == GCP


def has_span(call: TrueCall) -> bool:
    """Whether a span of the call arrives."""
    return call.seen and not any(told(call) for told in (passed_on, logged_by_bedrock, kept_in_bigquery))


def flushed_at(service: str, ended_at: datetime, later: int = 0) -> datetime:
    """When the Collector of ``service`` writes a span that ended at ``ended_at``, or ``later`` files after that."""
    window = timedelta(hours=_FLUSH_HOURS[SERVICES[service].collector])
    return _EPOCH + ((ended_at - _EPOCH) // window + 1 + later) * window + _FLUSH_DELAY


def seen_trace_id(call: TrueCall) -> str:
    """The trace its span is in: one of its own where the trace context was lost."""
    if not call.event_lost:
        return call.trace_id
    return hashlib.md5(f"{call.trace_id}|{call.span_id}".encode(), usedforsecurity=False).hexdigest()


def seen_place(call: TrueCall) -> tuple[str, str]:
    """Trace id and span id of the call's own span."""
    return seen_trace_id(call), call.span_id


def seen_environment(call: TrueCall) -> str:
    """The environment the span's resource states; the search API spells production shortly."""
    if call.seen_environment:
        return call.seen_environment
    return "prod" if call.service == "search-api" and call.environment == "production" else call.environment
