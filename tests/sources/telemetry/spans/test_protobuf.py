"""OTLP in protobuf, in every form a Collector writes it: the rows are those of the same messages in JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from reconcilers.errors import SourceRejected
from reconcilers.sources import registry
from tests.sources.telemetry.conftest import Job, same
from tests.sources.telemetry.written import (
    CALL,
    GENERATIONS,
    PARENT,
    SPAN,
    TRACE,
    WORK,
    Json,
    attributes,
    chat,
    gzipped,
    line,
    lines,
    message,
    run_span,
    span,
    zstandard_file,
)

TOLD = [span(WORK | GENERATIONS[name], spanId=f"{n:016x}") for n, name in enumerate(GENERATIONS, 1)]
TOLD.append(run_span("run-9", "success"))


def in_protobuf(told: Json) -> bytes:
    """A message of OTLP/JSON in protobuf, whose own JSON has ids in base64."""

    def its_own(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: its_own(of, key) for key, of in value.items()}
        if isinstance(value, list):
            return [its_own(of) for of in value]
        is_id = name in ("traceId", "spanId", "parentSpanId") and isinstance(value, str)
        return base64.b64encode(bytes.fromhex(value)).decode() if is_id else value

    empty = TracesData() if "resourceSpans" in told else LogsData()
    encoded: bytes = ParseDict(its_own(told), empty).SerializeToString()
    return encoded


def exported(*messages: bytes) -> bytes:
    """As the file exporter's ``format: proto`` writes them: every message after its length."""
    return b"".join(len(one).to_bytes(4, "big") + one for one in messages)


@pytest.mark.parametrize("pack", [bytes, zstandard_file])
def test_messages_of_the_file_exporter(job: Job, pack: Any) -> None:
    expected = job.take(lines(*map(message, TOLD)))
    received = exported(*(pack(in_protobuf(message(one))) for one in TOLD))
    taken = job.take(received, "traces.pb")
    assert {entity: len(rows) for entity, rows in taken.rows.items()} == {"calls": 5, "runs": 1}
    assert same(taken.rows) == same(expected.rows)
    assert taken.stored == received


@pytest.mark.parametrize("pack", [bytes, gzipped, zstandard_file])
def test_one_message_a_file_of_the_s3_exporter(job: Job, pack: Any) -> None:
    expected = job.take(line(message(*TOLD)))
    received = pack(in_protobuf(message(*TOLD)))
    taken = job.take(received, "traces_1.binpb")
    assert same(taken.rows) == same(expected.rows)
    assert taken.stored == received


def test_a_message_whose_length_reads_as_a_brace_is_no_json(job: Job) -> None:
    sizes = (
        in_protobuf(message(span({"gen_ai.operation.name": "chat"}, name="n" * n), resource={})) for n in range(99)
    )
    content = next(one for one in sizes if one.startswith(b"\n{"))
    assert len(job.take(content, "brace.binpb").calls) == 1


def test_what_the_sdk_encodes(job: Job) -> None:
    """OpenTelemetry's own encoder, not ours, with a link, an event and text, which is not landed."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "answers"}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("acme.llm", "1.0")
    with tracer.start_as_current_span("run") as outer, tracer.start_as_current_span("chat") as inner:
        inner.set_attributes(WORK | GENERATIONS["since"] | {"gen_ai.input.messages": "what nobody may read"})
        inner.add_link(outer.get_span_context())
        inner.add_event("gen_ai.choice", {"gen_ai.event.content": "nor may this"})
    content = encode_spans(kept.get_finished_spans()).SerializeToString()
    assert b"what nobody may read" in content
    taken = job.take(content, "traces.binpb")
    (call,) = taken.calls
    context = inner.get_span_context()
    assert (call["trace_id"], call["span_id"]) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert call["parent_span_id"] == f"{outer.get_span_context().span_id:016x}"
    assert (call["event_id"], call["tenant_id"], call["model"]) == ("evt-1", "ten-1", "gpt-4.1-2025-04-14")
    assert b"what nobody may read" not in taken.stored
    assert b"nor may this" not in taken.stored
    (link,) = json.loads(taken.stored)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["links"]
    assert (link["traceId"], link["spanId"]) == (
        f"{context.trace_id:032x}",
        f"{outer.get_span_context().span_id:016x}",
    )


def test_log_records(job: Job) -> None:
    record = {
        "timeUnixNano": "1790856002500000000",
        "eventName": "gen_ai.client.inference.operation.details",
        "traceId": TRACE,
        "spanId": SPAN,
        "attributes": attributes(WORK | GENERATIONS["since"]),
    }
    told = {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {"name": "acme"}, "logRecords": [record]}]}]}
    expected = job.take(line(told), "logs.json")
    taken = job.take(in_protobuf(told), "logs.binpb")
    assert len(taken.calls) == 1
    assert same(taken.rows) == same(expected.rows)


def test_a_cited_message_is_told_in_json(job: Job) -> None:
    taken = job.take(exported(*(in_protobuf(message(one)) for one in TOLD[:2])), "traces.pb")
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": str(job.folder)})
    (item,) = taken.landed.objects
    told = json.loads(source.cited(taken.landed.path(item), item.name, 2))
    (second,) = told["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (second["traceId"], second["spanId"], second["parentSpanId"]) == (TRACE, f"{2:016x}", PARENT)


def test_a_message_that_cannot_be_read_loses_itself(job: Job) -> None:
    good = [in_protobuf(message(one)) for one in TOLD[:2]]
    metrics = MetricsData.FromString(b"\n\x02\n\x00").SerializeToString()
    taken = job.take(exported(good[0], good[1][:-20], metrics, good[1]), "traces.pb")
    assert [call["landing_line"] for call in taken.calls] == [1, 4]
    reason = "not a message of OTLP in protobuf"
    assert [(line, reason in told) for line, _, told in taken.rejected] == [(2, True), (3, True)]


def test_a_file_cut_off_keeps_what_came_before(job: Job) -> None:
    content = exported(*(in_protobuf(message(one)) for one in TOLD[:2]))
    taken = job.take(content[:-7], "traces.pb")
    assert [call["landing_line"] for call in taken.calls] == [1]
    assert [line for line, _, _ in taken.rejected] == [2]


@pytest.mark.parametrize("content", [b"\n\x02\n\x00", b"\n\x05hello", b"\nhello there\n"])
def test_a_file_that_is_no_message_is_refused(refused: Callable[..., SourceRejected], content: bytes) -> None:
    assert "not JSON" in refused(content).problem


def test_json_after_a_blank_line_is_json(job: Job) -> None:
    assert len(job.take(b"\n" + chat(CALL, CALL)).calls) == 2
