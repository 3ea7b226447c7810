"""OTLP in protobuf as the same message in OTLP/JSON, so that one reader reads both.

As Collectors write it: the file exporter's ``format: proto``, every message after its length in four bytes, and the S3 exporter's
``otlp_proto``, one message a file. A file does not say whether it holds traces or logs: both begin with the same field. What has the
id of a trace where a span has it is a trace. Ids are in hexadecimal digits, as OTLP/JSON has them and protobuf's own JSON has not.
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

#: With what every message of traces and logs begins: field 1, a length and so many bytes.
BEGINS = b"\n"
#: Members that are ids of a trace or of a span.
_IDS = ("traceId", "spanId", "parentSpanId")


def as_json(content: bytes) -> bytes | None:
    """A message of traces or logs in OTLP/JSON, in one line; None for bytes that are none, or hold no record."""
    import orjson
    from google.protobuf.json_format import MessageToDict

    message = _traces(content) or _logs(content)
    if message is None:
        return None
    told = MessageToDict(message, use_integers_for_enums=True)
    for record in _records(told):
        for name in _IDS:
            if name in record:
                record[name] = base64.b64decode(record[name]).hex()
    return orjson.dumps(told)


def _traces(content: bytes) -> Any:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    try:
        message = TracesData.FromString(content)
    except DecodeError:
        return None
    ids = [span.trace_id for of in message.resource_spans for scope in of.scope_spans for span in scope.spans]
    return message if any(ids) else None


def _logs(content: bytes) -> Any:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

    try:
        message = LogsData.FromString(content)
    except DecodeError:
        return None
    return message if any(scope.log_records for of in message.resource_logs for scope in of.scope_logs) else None


def _records(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every span, link of a span and log record."""
    for resource in (*told.get("resourceSpans", ()), *told.get("resourceLogs", ())):
        for scope in (*resource.get("scopeSpans", ()), *resource.get("scopeLogs", ())):
            for record in (*scope.get("spans", ()), *scope.get("logRecords", ())):
                yield record
                yield from record.get("links", ())
