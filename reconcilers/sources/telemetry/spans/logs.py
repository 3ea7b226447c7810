"""Log records as spans: GenAI events, and the requests that coding agents log where they trace nothing.

A record of a GenAI event that names its span is one more telling of that span. Any other is a record of its own, below the
span it names, if any. Its id is a hash of what it says, so that a record that comes twice is one (rule R29).
https://opentelemetry.io/docs/specs/otel/logs/data-model/, https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-events/
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

Json = dict[str, Any]

#: The event by which instrumentations tell a call once more beside its span.
_OF_ITS_SPAN = "gen_ai.client.inference.operation.details"


def with_logs_as_spans(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The same lines; in a message of logs each record is a span without length."""
    import orjson

    for line, content in lines:
        if b'"resourceLogs"' in content:
            content = orjson.dumps(_as_spans(orjson.loads(content)))
        yield line, content


def event_name(record: Json) -> str:
    """What a record calls itself: its event name, else the attribute of older emitters; empty where it does not."""
    told = (a.get("value") or {} for a in record.get("attributes") or () if a.get("key") == "event.name")
    named = record.get("eventName") or next((value.get("stringValue") for value in told), None)
    return named if isinstance(named, str) else ""


def _as_spans(message: Json) -> Json:
    resources = [
        {
            "resource": of_resource.get("resource"),
            "scopeSpans": [
                {
                    "scope": of_scope.get("scope"),
                    "spans": [
                        _span(record, [of_resource.get("resource"), of_scope.get("scope"), record])
                        for record in of_scope.get("logRecords") or ()
                    ],
                }
                for of_scope in of_resource.get("scopeLogs") or ()
            ],
        }
        for of_resource in message["resourceLogs"] or ()
    ]
    return {"resourceSpans": [*(message.get("resourceSpans") or ()), *resources]}


def _span(record: Json, identity: list[Any]) -> Json:
    import orjson

    name = event_name(record)
    time = record.get("timeUnixNano")
    # The SDK's own emitter of events sets no time but the observed one.
    time = time if time and str(time) != "0" else record.get("observedTimeUnixNano")
    span = {
        "name": name,
        "logRecord": True,
        "endTimeUnixNano": time,
        "traceId": record.get("traceId") or None,
        "attributes": record.get("attributes"),
        "droppedAttributesCount": record.get("droppedAttributesCount"),
    }
    if name == _OF_ITS_SPAN and record.get("spanId") and record.get("traceId"):
        return span | {"spanId": record["spanId"]}
    digest = hashlib.md5(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS), usedforsecurity=False)
    return span | {"parentSpanId": record.get("spanId"), "recordId": digest.hexdigest()}
