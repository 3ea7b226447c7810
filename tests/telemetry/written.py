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
