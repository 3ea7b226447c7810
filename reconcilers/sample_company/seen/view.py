"""What telemetry shows of a true call: its key hints, its time, its usage, and whether it shows anything at all."""

from __future__ import annotations

from datetime import datetime, timedelta

from reconcilers.sample_company.seen.facts import Call, Key
from reconcilers.sample_company.world.company import AWS, OPENAI, SERVICES
from reconcilers.sample_company.world.happened import TrueCall
from reconcilers.sample_company.world.reference import PROVIDERS

#: Millionths of a probability by sampling threshold (``tracestate: ot=th:8`` keeps one half).
SAMPLING_MILLIONTHS = {"8": 500_000, None: None}
_EPOCH = datetime(1970, 1, 1)
_FLUSH_HOURS = {"edge": 12, "workers": 24, "batch": 24}
_FLUSH_DELAY = timedelta(minutes=5)


def seen_ended_at(call: TrueCall) -> datetime:
    """The end the span states."""
    return call.ended_at + timedelta(seconds=call.skew_seconds)


def flushed_at(service: str, ended_at: datetime, later: int = 0) -> datetime:
    """When the Collector of ``service`` writes a span that ended at ``ended_at``, or ``later`` files after that."""
    window = timedelta(hours=_FLUSH_HOURS[SERVICES[service].collector])
    return _EPOCH + ((ended_at - _EPOCH) // window + 1 + later) * window + _FLUSH_DELAY


def identity(call: TrueCall) -> str:
    """The text that names the call (R17): the provider's response, else the span."""
    if call.response_id:
        return f"{PROVIDERS[call.source]}|{call.response_id}"
    return f"{call.trace_id}|{call.span_id}"


def seen_environment(call: TrueCall) -> str:
    """The environment the span's resource states; the search API spells production shortly."""
    if call.seen_environment:
        return call.seen_environment
    return "prod" if call.service == "search-api" and call.environment == "production" else call.environment


def seen_call(call: TrueCall) -> Call:
    """The call as telemetry shows it once, after de-duplication."""
    lost = call.event_lost
    threshold = SERVICES[call.service].sampling_threshold
    return Call(
        source=call.source,
        identity=identity(call),
        key=seen_key(call),
        ended_at=seen_ended_at(call),
        usage=call.usage if call.seen_usage is None else call.seen_usage,
        event_id=None if lost else call.event_id,
        run_id=None if lost else call.run_id,
        tenant_id=None if lost else call.tenant_id,
        feature_id=None if lost else call.feature_id,
        environment=seen_environment(call),
        estimated=call.estimated,
        sampling_probability_millionths=SAMPLING_MILLIONTHS[threshold],
    )


def seen_key(call: TrueCall) -> Key:
    """Which billing dimensions the span states."""
    return Key(
        sub_account_id=call.project if call.source == AWS else None,
        api_key_id=call.api_key,
        model=call.model,
        service_tier=call.service_tier if call.source == OPENAI else None,
        batch=call.batch if call.source == OPENAI else None,
    )
