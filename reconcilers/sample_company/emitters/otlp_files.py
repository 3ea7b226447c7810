"""Trace files as OpenTelemetry Collectors write them: JSON by two, one of them in gzip, and protobuf in zstd with lengths by the third.

A file holds what its Collector flushed at one time, in a folder named by that time and not by the spans' own. A message
(a line, or a zstd frame) is a batch of spans by resource and scope, in the order they ended.
"""

from __future__ import annotations

import base64
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from reconcilers.sample_company.emitters import feed
from reconcilers.sample_company.emitters.spans import (
    Emitted,
    call_span,
    framework_span_ids,
    framework_spans,
    gateway_span,
    last_told,
    resource,
    run_span,
    tool_span,
)
from reconcilers.sample_company.providers.focus_rows import packed
from reconcilers.sample_company.seen.view import flushed_at, has_span
from reconcilers.sample_company.store import Delivered
from reconcilers.sample_company.world.company import SERVICES
from reconcilers.sample_company.world.happened import TrueCall, World

_SUFFIX = {"edge": "json", "workers": "json.gz", "batch": "binpb.zst"}
_IDS = ("traceId", "spanId", "parentSpanId")
_SPANS_PER_MESSAGE = 64
#: A span delivered again, or late, comes with the Collector's next file.
_AGAIN = 1


def write_telemetry(out: Path, world: World) -> list[Delivered]:
    """Every trace file of the world."""
    files: dict[tuple[str, datetime], list[Emitted]] = defaultdict(list)
    for emitted, later in _all_spans(world):
        at = flushed_at(emitted.service, emitted.flushed_with, later)
        files[SERVICES[emitted.service].collector, at].append(emitted)
    found = []
    for (collector, at), spans in sorted(files.items()):
        spans.sort(key=lambda one: (one.flushed_with, one.span["traceId"], one.span["spanId"]))
        path = f"telemetry/year={at:%Y}/month={at:%m}/day={at:%d}/hour={at:%H}/{collector}_traces_{at:%H%M}.{_SUFFIX[collector]}"
        found.append(feed.write(out, Delivered(path, at), _content(collector, spans)))
    return found


def _all_spans(world: World) -> Iterator[tuple[Emitted, int]]:
    """Every span that is delivered, and how many files late; what was dropped or sampled away is not."""
    runs = {run.run_id: run for run in world.runs}
    wrapped: dict[str, list[TrueCall]] = defaultdict(list)
    for call in world.calls:
        if call.wrapped and call.run_id:
            wrapped[call.run_id].append(call)
    for run_id, calls in wrapped.items():
        for emitted in framework_spans(runs[run_id], calls):
            yield emitted, 0
    for call in world.calls:
        if not has_span(call):
            continue
        emitted = call_span(call, _parent(call, wrapped))
        yield emitted, 0
        if call.told_by_gateway:
            yield gateway_span(call, emitted), 0
        if call.delivered_twice:
            yield emitted, _AGAIN
    for run in world.runs:
        if not run.dropped:
            yield run_span(run), _AGAIN if run.root_delivered_late else 0
    for tool in world.tools:
        if not tool.dropped:
            yield tool_span(tool, runs[tool.run_id]), 0


def _parent(call: TrueCall, wrapped: dict[str, list[TrueCall]]) -> str:
    """The run's root, or the framework's span around the call; nothing where the context was lost."""
    if call.event_lost:
        return ""
    if not call.wrapped or call.run_id is None:
        return call.parent_span_id
    agent, wrapper = framework_span_ids(call.run_id)
    return wrapper if call is last_told(wrapped[call.run_id]) else agent


def _content(collector: str, spans: list[Emitted]) -> bytes:
    messages = [_message(spans[n : n + _SPANS_PER_MESSAGE]) for n in range(0, len(spans), _SPANS_PER_MESSAGE)]
    if collector == "batch":
        return _length_prefixed_zstd(map(_in_protobuf, messages))
    lines = b"".join(orjson.dumps(message) + b"\n" for message in messages)
    return packed(lines) if collector == "workers" else lines


def _message(spans: Iterable[Emitted]) -> dict[str, Any]:
    """One ``TracesData`` as OTLP/JSON has it."""
    resources: dict[tuple[str, str], dict[tuple[str, str], list[dict[str, Any]]]] = {}
    for one in spans:
        scopes = resources.setdefault((one.service, one.environment), {})
        scopes.setdefault(one.scope, []).append(one.span)
    body = [
        {
            "resource": resource(SERVICES[service], environment),
            "scopeSpans": [
                {"scope": {"name": name} | ({"version": version} if version else {}), "spans": found}
                for (name, version), found in scopes.items()
            ],
        }
        for (service, environment), scopes in resources.items()
    ]
    return {"resourceSpans": body}


def _in_protobuf(message: dict[str, Any]) -> bytes:
    """The same in protobuf, whose own JSON has ids in base64."""
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    def encoded(span: dict[str, Any]) -> dict[str, Any]:
        ids = {name: base64.b64encode(bytes.fromhex(span[name])).decode() for name in _IDS}
        return span | ids

    body = [
        of | {"scopeSpans": [scope | {"spans": list(map(encoded, scope["spans"]))} for scope in of["scopeSpans"]]}
        for of in message["resourceSpans"]
    ]
    content: bytes = ParseDict({"resourceSpans": body}, TracesData()).SerializeToString(deterministic=True)
    return content


def _length_prefixed_zstd(messages: Iterable[bytes]) -> bytes:
    """The file exporter with ``format: proto`` and compression: every message a zstd frame after its length in four bytes, big-endian."""
    import zstandard

    compressor = zstandard.ZstdCompressor(level=3)
    frames = (compressor.compress(message) for message in messages)
    return b"".join(struct.pack(">I", len(frame)) + frame for frame in frames)
