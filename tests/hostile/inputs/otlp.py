"""Trace and log files in OTLP/JSON: a stream of records, of which each that cannot be read refuses itself (rule R33)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.hostile.inputs.told import CANARY, Content, Gets, Good, Input, Refused, Rejected
from tests.sources.telemetry.written import CALL, attribute, event, framed, gzipped, line, message, span, zstandard_file

FILE = "traces.json"
NANOS = 1_788_998_400_000_000_000
TOLD = CALL | {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10}
INPUT = "gen_ai.usage.input_tokens"


def chat(told: dict[str, Any] | None = None, raw: list[Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A span; ``raw`` are attributes as they are written."""
    made = span(TOLD | (told or {}), startTimeUnixNano=str(NANOS), endTimeUnixNano=str(NANOS + 10**9))
    made["attributes"] += raw or []
    return made | {"spanId": "00000000000000b2"} | fields


GOOD = line(message(chat(spanId="00000000000000a1"))) + b"\n"


def after(*spans: Any) -> bytes:
    """A file of a good span and then these, in lines of their own."""
    return GOOD + b"".join(line(message(one)) + b"\n" for one in spans)


def good(**values: Any) -> Good:
    return Good("calls", 2, values)


def lost(says: str) -> Rejected:
    return Rejected(says, 2, "calls", 1, {"span_id": "00000000000000a1", "input_total": 100})


def partly(says: str, **values: Any) -> Rejected:
    return Rejected(says, 2, "calls", 2, values)


#: Fields of a span, as they are written → what it gets.
FIELDS: list[tuple[str, Any, Gets]] = [
    ("endTimeUnixNano", NANOS, good(ended_at="2026-09-10 00:00:00")),
    ("endTimeUnixNano", str(NANOS), good(ended_at="2026-09-10 00:00:00")),
    ("endTimeUnixNano", str(NANOS // 10**9), lost("it looks like seconds")),
    ("endTimeUnixNano", NANOS // 10**9, lost("it looks like seconds")),
    ("endTimeUnixNano", str(NANOS // 10**6), lost("it looks like milliseconds")),
    ("endTimeUnixNano", str(NANOS // 10**3), lost("it looks like microseconds")),
    ("endTimeUnixNano", str(8 * 10**18), lost("a time that is not in nanoseconds")),
    ("endTimeUnixNano", "1", lost("a time that is not in nanoseconds")),
    ("endTimeUnixNano", "-1", lost("a span without a time")),
    # The beginning is a time, too.
    ("endTimeUnixNano", "0", good(ended_at="2026-09-10 00:00:00")),
    ("endTimeUnixNano", None, good(ended_at="2026-09-10 00:00:00")),
    ("endTimeUnixNano", "soon", good(ended_at="2026-09-10 00:00:00")),
    ("endTimeUnixNano", "9" * 30, good(ended_at="2026-09-10 00:00:00")),
    ("startTimeUnixNano", "0", good(started_at=None)),
    ("startTimeUnixNano", str(NANOS // 10**9), partly("it looks like seconds", started_at=None)),
    ("startTimeUnixNano", str(NANOS + 10**12), partly("begins after it ends", started_at=None)),
    ("traceId", "0AF7651916CD43DD8448EB211C80319C", good(trace_id="0af7651916cd43dd8448eb211c80319c")),
    *(
        ("traceId", value, lost("a traceId is not 32 or a spanId not 16 hexadecimal digits"))
        for value in (
            "",
            None,
            "0af7",
            "g" * 32,
            "CvdlGRbNQ92ESOshHIAxnA==",
            7,
            "0" * 33,
            "0af7651916cd43dd8448eb211c80319\0",
        )
    ),
    ("spanId", "", lost("a traceId is not 32 or a spanId not 16 hexadecimal digits")),
    ("spanId", "x", lost("a traceId is not 32 or a spanId not 16 hexadecimal digits")),
    ("parentSpanId", "x", good(parent_span_id="x")),
    ("parentSpanId", None, good(parent_span_id=None)),
    ("name", None, good(input_total=100)),
    ("name", "x" * 10_000, good(input_total=100)),
    ("status", None, good(status="unset")),
    ("status", {"code": "STATUS_CODE_ERROR"}, good(status="error")),
    ("status", {"code": 99}, good(status="unset")),
    ("traceState", "ot=th:8", good(sampling_probability_millionths=500000)),
    ("traceState", "ot=th:zz", good(sampling_probability_millionths=None)),
    ("traceState", "ot=th:" + "f" * 50, good(sampling_probability_millionths=None)),
    ("attributes", None, good(input_total=None)),
    ("attributes", [], good(input_total=None)),
    ("events", None, good(input_total=100)),
    ("links", [], good(input_total=100)),
    ("links", "none", lost("not the shape of OTLP/JSON traces")),
]


#: What a count says, as an attribute's value → what the call gets. What is no count leaves the usage not known.
COUNTS: dict[str, Gets] = {
    '{"intValue": "7"}': good(input_total=7),
    '{"intValue": 7}': good(input_total=7),
    '{"doubleValue": 7.0}': good(input_total=7),
    '{"doubleValue": 1e2}': good(input_total=100),
    '{"stringValue": "7"}': good(input_total=7),
    '{"stringValue": " 7 "}': good(input_total=7),
    '{"intValue": "-0"}': good(input_total=0),
    '{"intValue": null}': good(input_total=None),
    "{}": good(input_total=None),
    "null": good(input_total=None),
    '{"stringValue": ""}': good(input_total=None),
    **{
        text: partly(f"{INPUT}: ", input_total=None, usage_source="missing")
        for text in (
            *('{"intValue": "-1"}', '{"intValue": "1000000000001"}', '{"intValue": "9223372036854775808"}'),
            *('{"intValue": "99999999999999999999999999"}', '{"doubleValue": 1.5}', '{"doubleValue": "NaN"}'),
            *(
                '{"doubleValue": "Infinity"}',
                '{"doubleValue": 1e400}',
                '{"stringValue": "1_000"}',
                '{"stringValue": "1,000"}',
            ),
            *('{"stringValue": "many"}', '{"stringValue": "0x10"}', '{"stringValue": "１２"}', '{"boolValue": true}'),
            *(
                '{"arrayValue": {"values": [{"intValue": 7}]}}',
                '{"kvlistValue": {"values": []}}',
                '{"bytesValue": "Bw=="}',
            ),
            *('{"intValue": 7.5}', '{"intValue": [7]}', '{"intValue": {"n": 7}}'),
        )
    },
}

#: Other attributes → what the call gets.
ATTRIBUTES: dict[tuple[str, Any], Gets] = {
    ("gen_ai.request.model", "x" * 10_000): good(model="x" * 10_000),
    ("gen_ai.request.model", "'; drop table spans; --"): good(model="'; drop table spans; --"),
    ("gen_ai.request.model", "a\0b"): good(input_total=100),
    ("botanu.tenant_id", "  t1\n"): good(tenant_id="t1"),
    ("botanu.tenant_id", "🦄"): good(tenant_id="🦄"),
    ("acme.note", '{"key": 1, "value": 2, "value": 3}'): good(input_total=100),
    ("acme.note", "key"): good(input_total=100),
    ("x" * 10_000, 7): good(input_total=100),
    ("", "nothing"): good(input_total=100),
    ("gen_ai.usage.cache_read.input_tokens", 1_000): good(usage_inconsistent=False, cache_exceeds_input=True),
    ("llm.usage.total_cost", "NaN"): good(input_total=100),
}

TRACE = message(chat())


def _resource(**changed: Any) -> dict[str, Any]:
    (resource,) = TRACE["resourceSpans"]
    return {"resourceSpans": [resource | changed]}


NO_SPANS = Good("calls", 1, {"span_id": "00000000000000a1"})
#: A second line, as it is written → what the file gets.
LINES: dict[str, tuple[bytes, Gets]] = {
    "nothing in it": (b"{}", NO_SPANS),
    "resourceSpans is null": (b'{"resourceSpans": null}', NO_SPANS),
    "resourceSpans is empty": (b'{"resourceSpans": []}', NO_SPANS),
    "scopeSpans is null": (line(_resource(scopeSpans=None)), NO_SPANS),
    "spans is null": (line(_resource(scopeSpans=[{"spans": None}])), NO_SPANS),
    "no resource": (line(_resource(resource=None)), good(input_total=100)),
    "the same key twice": (line(TRACE)[:-1] + b',"resourceSpans":[]}', lost("'resourceSpans' is told twice")),
    "a span twice": (line(message(chat(), chat())), Good("calls", 3, {"input_total": 100})),
    "an attribute twice": (line(message(chat(raw=[attribute(INPUT, 7)]))), good(input_total=7)),
    "an attribute without key": (line(message(chat(raw=[{"value": {"intValue": 7}}]))), lost("not the shape")),
    "an attribute that is null": (line(message(chat(raw=[None]))), lost("not the shape")),
    "a resource is null": (b'{"resourceSpans": [null]}', lost("not the shape")),
    "a scope is null": (line(_resource(scopeSpans=[None])), lost("not the shape")),
    "no JSON": (b"panic: runtime error", lost("")),
    "half a message": (line(TRACE)[:200], lost("")),
    "two messages": (line(TRACE) + line(TRACE), lost("")),
    "a list": (b"[]", lost("")),
    "a list of a message": (b"[" + line(TRACE) + b"]", lost("")),
    "a text": (b'"resourceSpans"', lost("")),
    "a number": (b"7", lost("")),
    "null": (b"null", lost("")),
    "NaN": (b'{"resourceSpans": NaN}', lost("")),
    "resourceSpans is an object": (b'{"resourceSpans": {"a": 1}}', lost("")),
    "resourceSpans is a text": (b'{"resourceSpans": "none"}', lost("")),
    "scopeSpans is an object": (line(_resource(scopeSpans={"spans": []})), lost("")),
    "spans is a number": (line(_resource(scopeSpans=[{"spans": 7}])), lost("")),
    "a span is a text": (line(_resource(scopeSpans=[{"spans": ["chat"]}])), lost("")),
    "attributes are an object": (line(message(chat(attributes={INPUT: 7}))), lost("")),
    "an attribute is a text": (line(message(chat(raw=["k=v"]))), lost("")),
    "a value is a text": (line(message(chat(raw=[{"key": "k", "value": "v"}]))), lost("a value that is no object")),
    "a value is a number": (line(message(chat(raw=[{"key": "k", "value": 7}]))), lost("a value that is no object")),
    "a value is a list": (line(message(chat(raw=[{"key": "k", "value": [7]}]))), lost("a value that is no object")),
    "a value is told twice": (
        line(message(chat())).replace(b'"value":', b'"value":{},"value":', 1),
        lost("'value' is told twice"),
    ),
    "events are a text": (line(message(chat(events="none"))), lost("")),
    "lists in lists": (b'{"resourceSpans": ' + b"[" * 100_000, lost("")),
    "bytes that are no UTF-8": (line(TRACE).replace(b"gpt-4.1", b"gpt-\xff"), lost("")),
    "half a surrogate pair": (line(TRACE).replace(b"gpt-4.1", b"gpt-\\ud800"), lost("")),
    "a control character": (line(TRACE).replace(b"gpt-4.1", b"gpt-\x01"), lost("")),
}

LOG = {
    "timeUnixNano": str(NANOS),
    "eventName": "gen_ai.client.inference.operation.details",
    "attributes": [attribute(name, value) for name, value in TOLD.items()],
}


def logs(record: Any, **more: Any) -> bytes:
    return line(
        {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {"name": "s"}, "logRecords": [record]}]}]} | more
    )


#: A line of log records → what the file gets.
RECORDS: dict[str, tuple[bytes, Gets]] = {
    "a record": (logs(LOG), good(input_total=100)),
    "resourceLogs is null": (b'{"resourceLogs": null}', NO_SPANS),
    "a record without time": (logs(LOG | {"timeUnixNano": None}), lost("a span without a time")),
    "a record of seconds": (logs(LOG | {"timeUnixNano": str(NANOS // 10**9)}), lost("it looks like seconds")),
    "resourceLogs is an object": (b'{"resourceLogs": {"a": 1}}', lost("")),
    "resourceLogs is a text": (b'{"resourceLogs": "none"}', lost("")),
    "resourceLogs is a number": (b'{"resourceLogs": 7}', lost("")),
    "a resource is a text": (b'{"resourceLogs": ["none"]}', lost("")),
    "scopeLogs is a text": (b'{"resourceLogs": [{"scopeLogs": "none"}]}', lost("")),
    "a record is null": (logs(None), lost("")),
    "a record is a text": (logs("none"), lost("")),
    "attributes are a text": (logs(LOG | {"attributes": "none"}), lost("")),
    "an attribute is null": (logs(LOG | {"attributes": [None]}), lost("")),
    "a value is a text": (logs(LOG | {"attributes": [{"key": "event.name", "value": "v"}]}), lost("")),
    "records beside spans that are a text": (logs(LOG, resourceSpans="none"), lost("")),
}

DAMAGED = "data ends early"
FILES: dict[str, tuple[Content, Gets]] = {
    "empty": (b"", Good("calls", 0, {})),
    "blank lines": (b"\n\n \n", Good("calls", 0, {})),
    "byte order mark": ("\ufeff".encode() + GOOD, NO_SPANS),
    "NUL bytes at the head": (bytes(64) + GOOD, NO_SPANS),
    "lines end with CRLF": (GOOD.replace(b"\n", b"\r\n"), NO_SPANS),
    "no line end": (GOOD.strip(), NO_SPANS),
    "one document over many lines": (json.dumps(json.loads(GOOD), indent=2).encode(), NO_SPANS),
    "gzip": (gzipped(GOOD), NO_SPANS),
    "zstd": (zstandard_file(GOOD), NO_SPANS),
    "frames": (framed(GOOD), NO_SPANS),
    "gzip cut": (gzipped(GOOD)[:-9], Refused(DAMAGED, 1, FILE)),
    "a frame cut": (framed(GOOD + GOOD)[:-9], Rejected("", 2, "calls", 1)),
    "a frame with a wrong length": (b"\x00\x00\x00\x09" + framed(GOOD)[4:], Refused("", 1, FILE)),
    "no JSON at all": (b"hello\nworld\n", Refused("", 1, FILE)),
    "OTLP in protobuf": (
        b"\n\x8a\x01\n\x1e\n\x1c\n\x0cservice.name\x12\x0c\n\nanswers\x12\x68",
        Refused("not JSON", 2, FILE),
    ),
    "UTF-16": (GOOD.decode().encode("utf-16"), Refused("", 1, FILE)),
    "CSV": (b"trace_id,span_id\n1,2\n", Refused("", 1, FILE)),
}

#: Where prompt text stands that is known to be some: it must be gone from all that is kept, and the call counts.
TEXTS: dict[str, dict[str, Any]] = {
    name: chat({name: CANARY})
    for name in (
        *(
            "gen_ai.prompt",
            "gen_ai.completion",
            "gen_ai.input.messages",
            "gen_ai.output.messages",
            "gen_ai.system_instructions",
        ),
        *(
            "gen_ai.prompt.0.content",
            "llm.prompts",
            "input.value",
            "output.value",
            "llm.input_messages.0.message.content",
        ),
        *(
            "traceloop.entity.input",
            "langfuse.observation.input",
            "ai.prompt",
            "ai.response.text",
            "gen_ai.tool.call.arguments",
        ),
    )
} | {
    "an event's content": chat(events=[event("gen_ai.user.message", {"content": CANARY})]),
    "an event's prompt": chat(events=[event("gen_ai.content.prompt", {"gen_ai.prompt": CANARY})]),
}


def inputs() -> Iterator[Input]:
    config = {"kind": "otlp"}
    for name, value, gets in FIELDS:
        yield Input("otlp", f"{name} of {value!r:.40}", {FILE: after(chat(**{name: value}))}, config, gets)
    for text, gets in COUNTS.items():
        one = line(message(chat())).replace(b'{"intValue":"100"}', text.encode())
        yield Input("otlp", f"count of {text:.60}", {FILE: GOOD + one + b"\n"}, config, gets)
    for (name, value), gets in ATTRIBUTES.items():
        yield Input("otlp", f"{name:.40} of {value!r:.40}", {FILE: after(chat({name: value}))}, config, gets)
    for name, (content, gets) in (LINES | RECORDS).items():
        yield Input("otlp", name, {FILE: GOOD + content + b"\n"}, config, gets)
    for name, (content, gets) in FILES.items():
        yield Input("otlp", name, {FILE: content}, config, gets)
    for name, one in TEXTS.items():
        yield Input("otlp", f"text in {name}", {FILE: after(one)}, config, good(input_total=100))
    half = GOOD + line(message(chat({"gen_ai.prompt": CANARY})))[:-20] + b"\n"
    for name, whole in {
        "a list told twice": line(TRACE)[:-1] + b"," + line(message(chat({"gen_ai.prompt": CANARY})))[1:],
        "a list told twice, first": line(message(chat({"gen_ai.prompt": CANARY})))[:-1] + b"," + line(TRACE)[1:],
        "a name told twice": line(message(chat({"gen_ai.prompt": CANARY}))).replace(
            b'{"key":"gen_ai.prompt",', b'{"key":"gen_ai.prompt","key":"note",'
        ),
    }.items():
        yield Input("otlp", f"text in {name}", {FILE: GOOD + whole + b"\n"}, config, lost("twice"))
    yield Input("otlp", "text in half a message", {FILE: half}, config, lost(""))
