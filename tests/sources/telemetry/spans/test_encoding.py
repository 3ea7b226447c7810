"""OTLP/JSON as emitters write it: numbers, ids, attributes, hostile names and values."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime

import pytest

from tests.sources.telemetry.conftest import Job, same, usage
from tests.sources.telemetry.written import (
    CALL,
    ENDED,
    PARENT,
    SPAN,
    TRACE,
    WORK,
    Json,
    attribute,
    chat,
    event,
    line,
    lines,
    message,
    span,
)


def test_numbers_as_text_and_as_numbers(job: Job) -> None:
    values = CALL | {"gen_ai.usage.input_tokens": 999_999_999_999, "gen_ai.usage.output_tokens": 3}
    text = message(span(values))
    numbers = json.loads(line(text), object_hook=_plain_numbers)
    assert line(numbers) != line(text)
    taken, plain = job.take(lines(text)), job.take(lines(numbers))
    assert same(plain.rows) == same(taken.rows)
    assert usage(plain.calls[0]) == {"input_tokens": 999_999_999_999, "output_tokens": 3}


def _plain_numbers(fields: Json) -> Json:
    names = ("intValue", "startTimeUnixNano", "endTimeUnixNano")
    return {name: int(value) if name in names else value for name, value in fields.items()}


@pytest.mark.parametrize("write", [int, str])
def test_nanoseconds_are_more_than_a_float_holds(job: Job, write: type) -> None:
    """The nearest float lies in the next microsecond."""
    nanos = ENDED + 999
    assert int(float(nanos)) // 1000 > nanos // 1000
    (call,) = job.take(chat(CALL, startTimeUnixNano=write(nanos), endTimeUnixNano=write(nanos))).calls
    assert call["started_at"] == call["ended_at"] == datetime(2026, 10, 1, 12, 0, 2, 500_000)


def test_ids_are_lower_case_and_empty_parents_none(job: Job) -> None:
    content = lines(
        message(span(CALL, traceId=TRACE.upper(), spanId=SPAN.upper(), parentSpanId=PARENT.upper())),
        message(span(CALL, parentSpanId="")),
        message(span(CALL, parentSpanId=None)),
    )
    calls = job.take(content).calls
    assert [(c["trace_id"], c["span_id"], c["parent_span_id"]) for c in calls] == [
        (TRACE, SPAN, PARENT),
        (TRACE, SPAN, None),
        (TRACE, SPAN, None),
    ]


def test_of_two_attributes_with_one_name_the_last_counts(job: Job) -> None:
    own = span(CALL | {"gen_ai.usage.input_tokens": 1})
    own["attributes"].append(attribute("gen_ai.usage.input_tokens", 2))
    (call,) = job.take(lines(message(own))).calls
    assert usage(call) == {"input_tokens": 2}


def test_attributes_stay_with_their_span_and_resource(job: Job) -> None:
    """Names differ from message to message and from span to span; none moves to a neighbour."""
    first = message(
        span(CALL | {"run_id": "run-1"}),
        span(
            CALL, events=[event("exception", {"exception.type": "Slow"}), event("exception", {"exception.type": "Cut"})]
        ),
        span(CALL | {"error.type": "Own"}, events=[event("exception", {"exception.type": "Slow"})]),
        resource={"service.name": "one", "tenant_id": "ten-1"},
    )
    second = message(span(CALL | {"tenant_id": "ten-2"}), span({}), resource={"tenant_id": "ten-3", "run_id": "run-3"})
    empty = message(resource={"service.name": "none"})
    first["resourceSpans"] += empty["resourceSpans"] + second["resourceSpans"]
    calls = job.take(lines(empty, first, message(span(CALL), resource={}))).calls
    names = ("landing_line", "service", "tenant_id", "run_id", "error_type")
    assert [tuple(call[name] for name in names) for call in calls] == [
        (2, "one", "ten-1", "run-1", None),
        (2, "one", "ten-1", None, "Cut"),
        (2, "one", "ten-1", None, "Own"),
        (2, None, "ten-2", "run-3", None),
        (2, None, "ten-3", "run-3", None),
        (3, None, None, None, None),
    ]


def test_reading_traces_imports_no_pandas(job: Job) -> None:
    """Its import takes longer than most files do."""
    values = {"user.id": "ann", "sampling.probability": 0.5, "gen_ai.usage.cost": 0.25, "app.outcome": "success"}
    failed = span(WORK | CALL | values, events=[event("exception", {"exception.type": "Slow"})])
    (job.folder / "traces.json").write_bytes(lines(message(failed)))
    code = f"""
import sys
from datetime import datetime
from pathlib import Path
from reconcilers.sources import registry
from reconcilers.ingest.landing import Landing
from reconcilers.ingest.normalise import Lake

root = Path({str(job.folder.parent)!r})
source = registry.load("telemetry", {{"name": "traces", "kind": "otlp", "uri": {str(job.folder)!r}}})
pull = Landing(root / "landing").pull("traces", "otlp", "traces.json")
source.fetch("traces.json", pull)
content = Lake(root / "lake").ensure(source, Landing(root / "landing").prepare(pull, datetime(2026, 10, 2)))
print(content.rows["calls"], content.rows["outcomes"], "pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "False"]


def test_an_empty_value_is_none_and_text_is_trimmed(job: Job) -> None:
    values = CALL | {
        "tenant_id": " ten-1 ",
        "feature_id": "  ",
        "endpoint_tag": "search",
        "event_id": "",
        "prompt_version": "\tv3\r\n",
    }
    own = span(values)
    own["attributes"] += [{"key": "workflow", "value": {}}, {"key": "customer_id"}, attribute("run_id", ["a", "b"])]
    (call,) = job.take(lines(message(own))).calls
    names = ("tenant_id", "feature_id", "event_id", "workflow", "customer_id", "run_id", "prompt_version")
    assert [call[name] for name in names] == ["ten-1", "search", None, None, None, None, "v3"]


def test_fields_of_later_versions_are_passed_over(job: Job) -> None:
    later = message(span(CALL, acme={"a": [1]}, links=[{"traceId": TRACE, "spanId": SPAN}], flags=257))
    later["resourceSpans"][0] |= {"schemaUrl": "https://opentelemetry.io/schemas/9.9.9", "acme": 1}
    (call,) = job.take(lines(later)).calls
    assert call["model"] == "gpt-4.1"


HOSTILE = [
    "'; drop table lines; --",
    '"\\"doubleValue\\":1.5,"',
    '"doubleValue":0.1',
    "$1 {0} {names} %s {{",
    "línea\u2028 \u0000 \U0001f4b8 \u202e",
    "a\nb\tc\r\n",
    "x" * 100_000,
    "../../etc/passwd",
    "=cmd|'/c calc'!A1",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_values_are_never_code(job: Job, text: str) -> None:
    values = CALL | {"tenant_id": f"<{text}>", text: "x", "gen_ai.usage.input_tokens": 5}
    (call,) = job.take(lines(message(span(values, name=text), scope=text, version=text))).calls
    assert call["tenant_id"] == f"<{text}>"
    assert usage(call) == {"input_tokens": 5}


@pytest.mark.parametrize("unit", ["a'b; drop.json", "ünï code.json", "-rf.json", "%2e%2e.json"])
def test_hostile_file_names(job: Job, unit: str) -> None:
    assert len(job.take(chat(CALL), unit).calls) == 1


@pytest.mark.parametrize("name", ["it's; drop--", "{0} $1"])
def test_hostile_names_in_the_configuration(job: Job, name: str) -> None:
    content = chat(CALL | {name: "search", "app.outcome": name, "event_id": "e"}, scope=name)
    config = {
        "attributes": {"feature_id": [name]},
        "outcomes": {name: "success"},
        "token_semantics": {name: "exclusive"},
    }
    taken = job.take(content, **config)
    assert taken.calls[0]["feature_id"] == "search"
    assert len(taken.rows["outcomes"]) == 1
