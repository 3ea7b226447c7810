"""Spans as the company's services emit them: OTLP/JSON objects in the vocabulary each service happens to speak.

``otel_g0`` to ``otel_g3`` are four generations of OpenTelemetry's GenAI names, ``botanu`` is the botanu SDK; other words are
in ``vocabularies.py``. The ids of the work travel in W3C Baggage and are copied to every span, as ``botanu.*`` there and by
their plain names elsewhere.
https://opentelemetry.io/docs/specs/semconv/gen-ai/, https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconcilers.sample_company.emitters import vocabularies
from reconcilers.sample_company.seen.facts import Usage
from reconcilers.sample_company.seen.view import seen_environment, seen_trace_id
from reconcilers.sample_company.world.company import (
    ANTHROPIC,
    AWS,
    AWS_PROD,
    AWS_STAGING,
    CACHE_READ,
    CACHE_WRITE,
    DOCUMENTS_SERVICE,
    INPUT,
    OPENAI,
    OUTPUT,
    READ_UNITS,
    SERVICES,
    VECTOR_INDEX,
    VECTORS,
    Service,
)
from reconcilers.sample_company.world.happened import TrueCall, TrueRun, TrueTool
from reconcilers.sample_company.world.reference import PROVIDERS

Attributes = dict[str, str | int | bool | float]

INTERNAL, SERVER, CLIENT = 1, 2, 3
_OK, _ERROR = 1, 2
_EPOCH = datetime(1970, 1, 1)
#: A framework that wraps the provider's SDK and reports the same usage once more, blind to the cache.
FRAMEWORK_SCOPE = ("acme.agents", "1.4.0")
#: The tracker before it knew of caches.
OLD_TRACKER_SCOPE = ("botanu.tracker", "0.1.52")
#: What tells the runs of services whose instrumentation knows of calls alone.
DOCUMENTS_SCOPE = (SERVICES[DOCUMENTS_SERVICE].scope, SERVICES[DOCUMENTS_SERVICE].scope_version)
#: What the gateway calls the provider of the calls it passes on; no billing source is known by it.
GATEWAY_PROVIDER = "litellm"
#: Services whose runs do not say what kind they are: it follows from how the run before ended.
SILENT_ON_KINDS = frozenset({"invoice-checker"})
_SERVER_ADDRESSES = {
    OPENAI: "api.openai.com",
    ANTHROPIC: "api.anthropic.com",
    AWS: "bedrock-runtime.us-east-1.amazonaws.com",
    VECTORS: "acme-docs.svc.vectors.example",
}


@dataclass(frozen=True)
class Emitted:
    """One span with what stands above it in a file: the resource that emitted it and its instrumentation scope.

    ``flushed_with`` is when it truly ended: the Collector writes by its own clock, whatever the span says.
    """

    service: str
    environment: str
    scope: tuple[str, str]
    span: dict[str, Any]
    flushed_with: datetime


def call_span(call: TrueCall, parent_span_id: str) -> Emitted:
    """The span of one call as its service's instrumentation writes it."""
    service = SERVICES[call.service]
    names_nobody = call.event_lost or call.ids_on_root
    attributes: Attributes = {} if names_nobody else _baggage(service, call, seen_environment(call))
    usage = call.usage if call.seen_usage is None else call.seen_usage
    if call.source == VECTORS:
        name = f"query {VECTOR_INDEX}"
        attributes |= _vector_query(usage)
    elif service.dialect in vocabularies.DIALECTS:
        name, attributes = vocabularies.told(service.dialect, call, attributes, usage)
    else:
        name = f"{call.operation} {call.model}"
        attributes |= _model_call(service, call, usage)
    span = _span(
        seen_trace_id(call), call.span_id, parent_span_id, name, CLIENT, call.started_at, call.ended_at, attributes
    )
    if call.skew_seconds:
        _shift(span, call.skew_seconds)
    if call.failed_with:
        span["status"] = {"code": _ERROR, "message": call.failed_with}
    if service.sampling_threshold:
        span["traceState"] = f"ot=th:{service.sampling_threshold}"
    scope = OLD_TRACKER_SCOPE if call.cache_untold else (service.scope, service.scope_version)
    return Emitted(service.name, seen_environment(call), scope, span, call.ended_at)


def gateway_span(call: TrueCall, told: Emitted) -> Emitted:
    """The call as the gateway in front of the SDK tells it: its own provider name, no snapshot, no cache, a little longer."""
    gateway = SERVICES["model-gateway"]
    environment = seen_environment(call)
    digits = hashlib.md5(f"{call.span_id}|gateway".encode(), usedforsecurity=False).hexdigest()
    attributes: Attributes = {
        **_baggage(gateway, call, environment),
        "gen_ai.operation.name": call.operation,
        "gen_ai.provider.name": GATEWAY_PROVIDER,
        "gen_ai.request.model": call.model.rpartition("-")[0],
        "gen_ai.response.id": call.response_id or "",
        **_two_totals(_totals(call.usage)),
    }
    span = _span(
        call.trace_id,
        digits[:16],
        told.span["parentSpanId"],
        f"chat {call.model}",
        SERVER,
        call.started_at - timedelta(milliseconds=4),
        call.ended_at + timedelta(milliseconds=4),
        attributes,
    )
    return Emitted(gateway.name, environment, (gateway.scope, gateway.scope_version), span, call.ended_at)


def last_told(calls: list[TrueCall]) -> TrueCall:
    """The last of a run's wrapped calls that has a span."""
    return [call for call in calls if call.seen][-1]


def framework_spans(run: TrueRun, calls: list[TrueCall]) -> list[Emitted]:
    """An agent span that sums the usage of its calls, and a wrapper that repeats the usage of the last of them."""
    service = SERVICES[run.service]
    ids = _baggage(service, run, run.environment)
    first, last = min(call.started_at for call in calls), max(call.ended_at for call in calls)
    agent, wrapper = framework_span_ids(run.run_id)
    before, after = first - timedelta(milliseconds=3), last + timedelta(milliseconds=3)
    summed = _totals([usage for call in calls for usage in call.usage])
    call = last_told(calls)
    about: Attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "support-agent",
        "gen_ai.provider.name": PROVIDERS[call.source],
    }
    agent_span = _span(
        run.trace_id,
        agent,
        run.root_span_id,
        "invoke_agent support-agent",
        INTERNAL,
        before,
        after,
        {**ids, **about, **_two_totals(summed)},
    )
    wrapped: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS[call.source],
        "gen_ai.request.model": call.model,
        **_two_totals(_totals(call.usage)),
    }
    wrapper_span = _span(
        run.trace_id,
        wrapper,
        agent,
        f"chat {call.model}",
        INTERNAL,
        call.started_at - timedelta(milliseconds=1),
        call.ended_at + timedelta(milliseconds=1),
        {**ids, **wrapped},
    )
    # Both leave the process with the calls they stand for, in one batch.
    return [Emitted(service.name, run.environment, FRAMEWORK_SCOPE, span, last) for span in (agent_span, wrapper_span)]


def framework_span_ids(run_id: str) -> tuple[str, str]:
    """Span ids of a run's agent span and wrapper."""
    digits = hashlib.md5(f"{run_id}|framework".encode(), usedforsecurity=False).hexdigest()
    return digits[:16], digits[16:]


def run_span(run: TrueRun) -> Emitted:
    """The root span of a run: botanu's own, elsewhere the workflow's."""
    service = SERVICES[run.service]
    environment = _service_environment(service, run.environment)
    attributes = _baggage(service, run, environment)
    status = "success" if run.succeeded else "failure"
    if service.dialect == "botanu":
        name, kind = f"botanu.run/{run.workflow}", SERVER
        attributes |= {
            "botanu.run.start_time": run.started_at.isoformat(timespec="milliseconds") + "Z",
            "botanu.root_run_id": run.run_id,
            # Two plain scopes of one event both call themselves the first attempt.
            "botanu.attempt": 1,
        }
        if run.retry_of_run_id:
            attributes["botanu.retry_of_run_id"] = run.retry_of_run_id
    else:
        name, kind = f"invoke_workflow {run.workflow}", INTERNAL
        attributes |= {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": run.workflow,
            "run_status": status,
        }
        if service.name not in SILENT_ON_KINDS:
            attributes["run_kind"] = run.kind
            if run.retry_of_run_id:
                attributes["retry_of_run_id"] = run.retry_of_run_id
        if run.error_class:
            attributes["error.type"] = run.error_class
    span = _span(run.trace_id, run.root_span_id, "", name, kind, run.started_at, run.ended_at, attributes)
    if service.dialect == "botanu":
        span["events"] = _run_events(run, status)
    span["status"] = {"code": _OK} if run.succeeded else {"code": _ERROR, "message": run.error_class or ""}
    own = service.dialect not in vocabularies.DIALECTS
    scope = (service.scope, service.scope_version) if own else DOCUMENTS_SCOPE
    return Emitted(service.name, environment, scope, span, run.ended_at)


def tool_span(tool: TrueTool, run: TrueRun) -> Emitted:
    """A tool call: it takes time and uses nothing that is billed."""
    service = SERVICES[run.service]
    environment = _service_environment(service, run.environment)
    attributes = {} if run.ids_on_root else _baggage(service, run, environment)
    attributes |= {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool.name}
    span = _span(
        run.trace_id,
        tool.span_id,
        run.root_span_id,
        f"execute_tool {tool.name}",
        INTERNAL,
        tool.started_at,
        tool.ended_at,
        attributes,
    )
    return Emitted(service.name, environment, (service.scope, service.scope_version), span, tool.ended_at)


def resource(service: Service, environment: str) -> dict[str, Any]:
    """Who emitted: service, deployment, and the AWS account where the service calls Bedrock with its own role."""
    attributes: Attributes = {
        "service.name": service.name,
        "deployment.environment"
        if service.dialect in ("botanu", "otel_g0")
        else "deployment.environment.name": environment,
        "telemetry.sdk.language": "python",
        "k8s.pod.name": f"{service.name}-0",
    }
    if service.name == "invoice-checker":
        attributes |= {
            "cloud.provider": "aws",
            "cloud.account.id": AWS_STAGING if environment == "staging" else AWS_PROD,
        }
    return {"attributes": _key_values(attributes)}


def _service_environment(service: Service, environment: str) -> str:
    return "prod" if service.name == "search-api" and environment == "production" else environment


def _baggage(service: Service, work: TrueCall | TrueRun, environment: str) -> Attributes:
    """The ids of the work that a span carries."""
    assert work.event_id is not None
    assert work.run_id is not None
    ids: dict[str, str | None] = {
        "event_id": work.event_id,
        "run_id": work.run_id,
        "workflow": work.workflow,
        "tenant_id": work.tenant_id,
        "customer_id": work.tenant_id,
        "feature_id": work.feature_id,
        "prompt_version": work.prompt_version,
    }
    if isinstance(work, TrueRun):
        ids["parent_run_id"] = work.parent_run_id
    told = {name: text for name, text in ids.items() if text is not None}
    if service.dialect != "botanu":
        return {**told, **({"user.id": work.user_id} if work.user_id else {})}
    named: Attributes = {f"botanu.{name}": text for name, text in told.items()}
    return {**named, "botanu.environment": environment, **({"user.id": work.user_id} if work.user_id else {})}


def _vector_query(usage: Iterable[Usage]) -> Attributes:
    units = sum(int(one.quantity) for one in usage if one.meter == READ_UNITS)
    attributes: Attributes = {
        "db.system": PROVIDERS[VECTORS],
        "db.operation": "query",
        "db.collection.name": "acme-docs",
        "db.vector.index_type": VECTOR_INDEX,
        "db.vector.query.top_k": 8,
        "server.address": _SERVER_ADDRESSES[VECTORS],
    }
    return attributes | ({"pinecone.usage.read_units": units} if units else {})


def _model_call(service: Service, call: TrueCall, usage: Iterable[Usage]) -> Attributes:
    """GenAI attributes of one call in its service's generation of names."""
    old = service.dialect in ("otel_g0", "otel_g1")
    attributes: Attributes = {
        "gen_ai.operation.name": call.operation,
        "gen_ai.system" if old else "gen_ai.provider.name": PROVIDERS[call.source],
        "gen_ai.request.model": call.model,
        "server.address": _SERVER_ADDRESSES[call.source],
    }
    if service.dialect == "otel_g0":
        attributes["llm.request.type"] = attributes.pop("gen_ai.operation.name")
    if call.response_id:
        attributes["gen_ai.response.id"] = call.response_id
    if call.api_key and not call.key_lost:
        attributes["api_key_id"] = call.api_key
    if call.failed_with:
        attributes |= {"error.type": call.failed_with, "gen_ai.request.stream": True}
    else:
        attributes["gen_ai.response.model"] = call.model
    if call.source == AWS:
        # Its gateway tells how long a call waited, a tenth of the time it took.
        attributes["gen_ai.latency.time_in_queue"] = (call.ended_at - call.started_at).total_seconds() / 10
    if call.source == OPENAI and call.operation == "chat" and service.dialect != "otel_g0":
        attributes["openai.response.service_tier"] = "default" if call.service_tier == "standard" else call.service_tier
    if call.estimated:
        attributes["gen_ai.usage.estimated"] = True
    if call.batch == "true":
        attributes["gen_ai.request.batch"] = True
    if service.dialect == "botanu":
        attributes["botanu.vendor"] = PROVIDERS[call.source]
    if call.cache_untold:
        return attributes | _two_totals(_totals(usage))
    return attributes | _counts(service, call.source, usage)


def _counts(service: Service, source: str, usage: Iterable[Usage]) -> Attributes:
    """Token counts. The input count contains what was read from and written to the cache, as the conventions have it.

    botanu's tracker writes what its caller hands over, and here that is the provider's answer: Anthropic's leaves out
    what came from the cache.
    """
    used = list(usage)
    totals = _totals(used)
    if not totals:
        return {}
    if service.dialect == "otel_g0":
        return {
            "gen_ai.usage.prompt_tokens": totals.get("input", 0),
            "gen_ai.usage.completion_tokens": totals.get("output", 0),
        }
    found: Attributes = {"gen_ai.usage.input_tokens": totals.get("input", 0)}
    if "output" in totals:
        found["gen_ai.usage.output_tokens"] = totals["output"]
    if service.dialect == "botanu" and source == ANTHROPIC:
        found["gen_ai.usage.input_tokens"] = sum(int(one.quantity) for one in used if one.meter == INPUT)
    for one in used:
        if one.meter == CACHE_READ:
            found["gen_ai.usage.cache_read.input_tokens"] = int(one.quantity)
        elif one.meter == CACHE_WRITE:
            written = "cache_write" if service.dialect == "otel_g3" else "cache_creation"
            found[f"gen_ai.usage.{written}.input_tokens"] = int(one.quantity)
            if one.cache_ttl == "1h":
                found["gen_ai.usage.cache_creation.ephemeral_1h_input_tokens"] = int(one.quantity)
    return found


def _totals(usage: Iterable[Usage]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for one in usage:
        name = "output" if one.meter == OUTPUT else "input"
        assert one.meter in (INPUT, CACHE_READ, CACHE_WRITE, OUTPUT), one.meter
        totals[name] = totals.get(name, 0) + int(one.quantity)
    return totals


def _two_totals(totals: Mapping[str, int]) -> Attributes:
    return {"gen_ai.usage.input_tokens": totals["input"], "gen_ai.usage.output_tokens": totals["output"]}


def _run_events(run: TrueRun, status: str) -> list[dict[str, Any]]:
    """botanu tells how a run began and ended in events of its span; an error class stands only there."""
    ended: Attributes = {"run_id": run.run_id, "workflow": run.workflow, "status": status}
    if run.error_class:
        ended["error_class"] = run.error_class
    milliseconds = (run.ended_at - run.started_at) / timedelta(milliseconds=1)
    duration = {"key": "duration_ms", "value": {"doubleValue": milliseconds}}
    return [
        {
            "timeUnixNano": _nanos(run.started_at),
            "name": "botanu.run.started",
            "attributes": _key_values({"run_id": run.run_id, "workflow": run.workflow}),
        },
        {
            "timeUnixNano": _nanos(run.ended_at),
            "name": "botanu.run.completed",
            "attributes": [*_key_values(ended), duration],
        },
    ]


def _span(
    trace_id: str,
    span_id: str,
    parent_span_id: str,
    name: str,
    kind: int,
    started_at: datetime,
    ended_at: datetime,
    attributes: Attributes,
) -> dict[str, Any]:
    return {
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": parent_span_id,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": _nanos(started_at),
        "endTimeUnixNano": _nanos(ended_at),
        "attributes": _key_values(attributes),
        "status": {},
    }


def _shift(span: dict[str, Any], seconds: int) -> None:
    """The clock of the emitting host was ahead."""
    for name in ("startTimeUnixNano", "endTimeUnixNano"):
        span[name] = str(int(span[name]) + seconds * 1_000_000_000)


def _nanos(at: datetime) -> str:
    return str((at - _EPOCH) // timedelta(microseconds=1) * 1000)


def _key_values(attributes: Mapping[str, str | int | bool | float]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _any_value(value)} for name, value in attributes.items()]


def _any_value(value: str | int | bool | float) -> dict[str, Any]:
    """OTLP/JSON writes a 64-bit integer as a decimal text."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
