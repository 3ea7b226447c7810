"""OTLP/JSON trace files as emitters and Collectors write them, small enough to read."""

from __future__ import annotations

import gzip
import json
from typing import Any

import zstandard

Json = dict[str, Any]
TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
#: 2026-10-01 12:00:00 and 2.5 seconds later.
STARTED, ENDED = 1_790_856_000_000_000_000, 1_790_856_002_500_000_000


def attribute(name: str, value: object) -> Json:
    """One attribute as SDKs write it: 64-bit integers are text."""
    if isinstance(value, bool):
        return {"key": name, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": name, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": name, "value": {"doubleValue": value}}
    if isinstance(value, list):
        return {"key": name, "value": {"arrayValue": {"values": [{"stringValue": text} for text in value]}}}
    return {"key": name, "value": {"stringValue": value}}


def attributes(values: Json) -> list[Json]:
    return [attribute(name, value) for name, value in values.items()]


def span(values: Json, **fields: Any) -> Json:
    """A client span below another one; ``fields`` replace its own."""
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "parentSpanId": PARENT,
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str(STARTED),
        "endTimeUnixNano": str(ENDED),
        "attributes": attributes(values),
        "status": {},
    } | fields


def event(name: str, values: Json) -> Json:
    return {"timeUnixNano": str(ENDED), "name": name, "attributes": attributes(values)}


def message(*spans: Json, resource: Json | None = None, scope: str = "acme.llm", version: str = "1.0") -> Json:
    emitted = {"service.name": "answers", "deployment.environment.name": "production"} if resource is None else resource
    scoped = {"scope": {"name": scope, "version": version}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": {"attributes": attributes(emitted)}, "scopeSpans": [scoped]}]}


def line(content: Json) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def lines(*messages: Json) -> bytes:
    return b"".join(line(content) + b"\n" for content in messages)


def chat(*values: Json, scope: str = "acme.llm", **fields: Any) -> bytes:
    """A file of one message for each set of attributes, every span with an id of its own."""
    return lines(*(message(span(v, spanId=f"{n:016x}", **fields), scope=scope) for n, v in enumerate(values, 1)))


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def zstandard_file(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def framed(content: bytes) -> bytes:
    """Every line as the file exporter's ``compression: zstd`` writes it: a length in four bytes, then a zstd frame."""
    frames = [zstandard_file(text) for text in content.splitlines()]
    return b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)


#: The ids of the work, as a baggage processor copies them.
WORK = {
    "event_id": "evt-1",
    "run_id": "run-1",
    "tenant_id": "ten-1",
    "customer_id": "cus-1",
    "feature_id": "answers",
    "workflow": "Answer",
    "prompt_version": "v3",
    "data_mode": "real",
}
CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4.1"}
#: What one call says about itself in each generation of names; the counts are the same.
GENERATIONS = {
    "first": {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.response.model": "gpt-4.1-2025-04-14",
        "gen_ai.response.id": "resp-1",
        "gen_ai.usage.prompt_tokens": 1000,
        "gen_ai.usage.completion_tokens": 120,
        "gen_ai.usage.cache_read_input_tokens": 600,
        "gen_ai.openai.response.service_tier": "priority",
    },
    "to 1.36": {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.response.model": "gpt-4.1-2025-04-14",
        "gen_ai.response.id": "resp-1",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 120,
        "gen_ai.usage.cache_read_tokens": 600,
        "gen_ai.openai.response.service_tier": "priority",
    },
    "1.37 to 1.41": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.response.model": "gpt-4.1-2025-04-14",
        "gen_ai.response.id": "resp-1",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 120,
        "gen_ai.usage.cache_read.input_tokens": 600,
        "gen_ai.usage.reasoning.output_tokens": 40,
        "openai.request.service_tier": "auto",
        "openai.response.service_tier": "priority",
    },
    "since": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.response.model": "gpt-4.1-2025-04-14",
        "gen_ai.response.id": "resp-1",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 120,
        "gen_ai.usage.cache_read.input_tokens": 600,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 40,
        "openai.response.service_tier": "priority",
    },
}

#: How a file may come.
PACKINGS = {"plain": bytes, "gzip": gzipped, "zstd": zstandard_file, "framed": framed}


def run_span(run_id: str, how: str, end: Json | None = None, **fields: Any) -> Json:
    """The root span of botanu's SDK with the events it writes."""
    values = {"botanu.event_id": "evt-1", "botanu.run_id": run_id, "botanu.workflow": "Answer", "botanu.attempt": 1}
    values |= {"botanu.tenant_id": "ten-1", **fields.pop("values", {})}
    events = [
        event("botanu.run.started", {"run_id": run_id, "workflow": "Answer"}),
        event("botanu.run.completed", {"run_id": run_id, "status": how, "duration_ms": 2500.0} | (end or {})),
    ]
    return span(values, parentSpanId="", name="botanu.run/Answer", kind=2, events=events, **fields)
