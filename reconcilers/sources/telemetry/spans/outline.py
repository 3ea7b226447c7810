"""The parts of an OTLP/JSON message and their members, as an outline that decodes a message only where no text in it is too long
to be a name.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Members of logs are named only: their messages are always
parsed in full.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from reconcilers.sources.telemetry.spans.texts import LONGEST, ONE_WORD

LONGEST_TRACE_STATE = 512
#: Members that hold parts; all others are texts and numbers.
HELD = {
    *("resourceSpans", "resourceLogs", "resource", "scopeSpans", "scopeLogs", "scope", "spans", "logRecords"),
    *("attributes", "events", "links", "status"),
}
_Line = Annotated[str, msgspec.Meta(max_length=LONGEST)]
#: Four of them are no longer than a line.
_Short = Annotated[str, msgspec.Meta(max_length=LONGEST // 4)]
_Word = Annotated[str, msgspec.Meta(pattern=rf"\A{ONE_WORD.pattern}\Z")]
_TraceState = Annotated[str, msgspec.Meta(max_length=LONGEST_TRACE_STATE)]


class Part(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    pass


class ShortValue(Part, frozen=True):
    stringValue: _Short | None = None
    intValue: int | _Short | None = None
    doubleValue: float | _Short | None = None
    boolValue: bool | None = None


class Few(Part, frozen=True):
    values: Annotated[list[ShortValue], msgspec.Meta(max_length=4)] = []


class Value(Part, frozen=True):
    stringValue: _Line | None = None
    intValue: int | _Short | None = None
    doubleValue: float | _Short | None = None
    boolValue: bool | None = None
    arrayValue: Few | None = None


class Attribute(Part, frozen=True):
    key: str
    value: Value = Value()


class Resource(Part, frozen=True):
    attributes: list[Attribute] = []
    droppedAttributesCount: int = 0


class Scope(Part, frozen=True):
    name: _Line = ""
    version: _Line = ""
    attributes: list[Attribute] = []
    droppedAttributesCount: int = 0


class Event(Part, frozen=True):
    timeUnixNano: int | _Line = 0
    name: _Word = ""
    attributes: list[Attribute] = []
    droppedAttributesCount: int = 0


class Link(Part, frozen=True):
    traceId: _Line = ""
    spanId: _Line = ""
    traceState: _TraceState = ""
    attributes: list[Attribute] = []
    droppedAttributesCount: int = 0
    flags: int = 0
    name: None = None


class Status(Part, frozen=True):
    code: int | _Line = 0
    message: Annotated[str, msgspec.Meta(max_length=0)] = ""


class Span(Part, frozen=True):
    traceId: _Line = ""
    spanId: _Line = ""
    traceState: _TraceState = ""
    parentSpanId: _Line = ""
    flags: int = 0
    name: _Line = ""
    kind: int | _Line = 0
    startTimeUnixNano: int | _Line = 0
    endTimeUnixNano: int | _Line = 0
    attributes: list[Attribute] = []
    droppedAttributesCount: int = 0
    events: list[Event] = []
    droppedEventsCount: int = 0
    links: list[Link] = []
    droppedLinksCount: int = 0
    status: Status | None = None


class ScopeSpans(Part, frozen=True):
    spans: list[Span]
    scope: Scope = Scope()
    schemaUrl: _Line = ""


class ResourceSpans(Part, frozen=True):
    scopeSpans: list[ScopeSpans]
    resource: Resource = Resource()
    schemaUrl: _Line = ""


class Message(Part, frozen=True):
    resourceSpans: list[ResourceSpans]


class LogRecord(Part, frozen=True):
    timeUnixNano: Any
    observedTimeUnixNano: Any
    severityNumber: Any
    severityText: Any
    eventName: Any
    body: Any
    attributes: Any
    droppedAttributesCount: Any
    flags: Any
    traceId: Any
    spanId: Any


class ScopeLogs(Part, frozen=True):
    scope: Any
    logRecords: Any
    schemaUrl: Any


class ResourceLogs(Part, frozen=True):
    resource: Any
    scopeLogs: Any
    schemaUrl: Any


class Messages(Part, frozen=True):
    resourceSpans: Any
    resourceLogs: Any


_SCALAR, _HOLDING = (str, int, float, bool, type(None)), (list, dict, type(None))
#: Looked at by what they say.
_JUDGED = {(Status, "message"), (LogRecord, "body"), (LogRecord, "eventName"), (Event, "name")}
#: Part → its members and the types of which a value needs no closer look, but for a text that is no id.
PLAIN: dict[type[Part], dict[str, tuple[type, ...]]] = {
    part: {
        name: _HOLDING if name in HELD else _SCALAR for name in part.__struct_fields__ if (part, name) not in _JUDGED
    }
    for part in (
        *(Resource, Scope, Event, Link, Status, Span, ScopeSpans, ResourceSpans),
        *(LogRecord, ScopeLogs, ResourceLogs, Messages),
    )
}

#: Made once, on import: two threads that make the first decoder of a type at the same time end the process (msgspec 0.22).
DECODE = msgspec.json.Decoder(Message).decode
