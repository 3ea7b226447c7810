"""Log records that carry usage: events of GenAI calls, and requests that coding agents log."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.sources.telemetry.conftest import Job, usage
from tests.sources.telemetry.written import (
    CALL,
    ENDED,
    PACKINGS,
    SPAN,
    TRACE,
    WORK,
    Json,
    attributes,
    lines,
    message,
    span,
)

INPUT = "gen_ai.usage.input_tokens"
#: How instrumentations tell a call once more beside its span.
DETAILS = "gen_ai.client.inference.operation.details"


def record(values: Json, **fields: Any) -> Json:
    """A log record; ``fields`` replace its own."""
    return {"timeUnixNano": str(ENDED), "attributes": attributes(values)} | fields


def logs(*records: Json, scope: str = "acme.agent") -> Json:
    scoped = {"scope": {"name": scope, "version": "1.0"}, "logRecords": list(records)}
    return {
        "resourceLogs": [{"resource": {"attributes": attributes({"service.name": "agent"})}, "scopeLogs": [scoped]}]
    }


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_record_that_carries_usage_is_a_call(job: Job, packing: str) -> None:
    first, second = (record(CALL | {"event_id": event, INPUT: 5}, eventName="acme.request") for event in ("e-1", "e-2"))
    taken = job.take(PACKINGS[packing](lines(logs(first, second))))
    assert taken.stored == PACKINGS[packing](lines(logs(first, second)))
    names = ("event_id", "scope_name", "service", "trace_id", "span_id", "parent_span_id", "span_kind", "billable")
    assert [tuple(call[name] for name in names) for call in taken.calls] == [
        (event, "acme.agent", "agent", None, None, None, "model", True) for event in ("e-1", "e-2")
    ]
    assert [(call["ended_at"], usage(call)) for call in taken.calls] == [
        (datetime(2026, 10, 1, 12, 0, 2, 500_000), {"input_tokens": 5})
    ] * 2
    assert "runs" not in taken.rows


def test_a_record_that_comes_twice_is_one(job: Job) -> None:
    """Its id says what it says, so that resolution sees one record; another one has another."""
    one, other = (record(CALL | {"tenant_id": tenant, INPUT: 5}) for tenant in ("ten-1", "ten-2"))
    first, second = job.take(lines(logs(one, other)), "a.json").calls
    (again,) = job.take(lines(logs(one)), "b.json").calls
    assert again["record_id"] == first["record_id"] != second["record_id"]


def test_an_event_of_a_span_is_another_telling_of_it(job: Job) -> None:
    event = record(CALL | {INPUT: 5}, eventName=DETAILS, traceId=TRACE, spanId=SPAN)
    traced, logged = job.take(lines(message(span(CALL | {INPUT: 5})), logs(event))).calls
    assert (logged["trace_id"], logged["span_id"], logged["record_id"]) == (TRACE, SPAN, f"{TRACE}|{SPAN}")
    assert traced["record_id"] == logged["record_id"]


def test_any_other_record_is_below_the_span_it_names(job: Job) -> None:
    """Several requests of one agent's span are several calls."""
    records = [record(CALL | {INPUT: n}, eventName="acme.request", traceId=TRACE, spanId=SPAN) for n in (5, 6)]
    calls = job.take(lines(logs(*records))).calls
    assert [(c["trace_id"], c["span_id"], c["parent_span_id"]) for c in calls] == [(TRACE, None, SPAN)] * 2
    assert calls[0]["record_id"] != calls[1]["record_id"]


def test_an_event_without_a_time_of_its_own_was_observed_at_one(job: Job) -> None:
    observed = {"timeUnixNano": None, "observedTimeUnixNano": str(ENDED)}
    calls = job.take(lines(logs(record(CALL | {INPUT: 5}, **observed), record(CALL | {INPUT: 5})))).calls
    assert calls[0]["ended_at"] == calls[1]["ended_at"]
    taken = job.take(lines(logs(record(CALL | {INPUT: 5}, timeUnixNano="0"), record(CALL | {INPUT: 5}))))
    assert len(taken.calls) == 1
    assert [(line, reason) for line, _, reason in taken.rejected] == [(1, "a span without a time")]


def test_a_record_that_lost_attributes_may_have_lost_counts(job: Job) -> None:
    records = [record(CALL | {INPUT: 5}, eventName="acme.request", droppedAttributesCount=lost) for lost in (0, 2)]
    assert [call["usage_source"] for call in job.take(lines(logs(*records))).calls] == ["provider", "estimated"]


def test_records_without_usage_are_no_calls(job: Job) -> None:
    lesser = [record({"event_id": "e-1", "run_id": "r-1"}), record(WORK, traceId=TRACE, spanId=SPAN), record({})]
    assert job.take(lines(logs(*lesser))).rows == {}


def test_a_record_states_how_an_event_ended(job: Job) -> None:
    """Beside the traces of it, or where there are none."""
    stated = {"app.outcome": "failure", "app.outcome.emitter": "human", "app.outcome.reason": "reopened"}
    grades = {"event_id": "evt-1", "gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.label": "fail"}
    records = [
        record(WORK | stated, eventName="acme.outcome"),
        record(WORK | stated | {"app.outcome": "success"}, traceId=TRACE, spanId=SPAN),
        record(WORK | stated | {"app.outcome.final": False}),
        # A grade of an answer, of which there may be many, is no outcome of the event.
        record(grades, eventName="gen_ai.evaluation.result"),
    ]
    rows = job.take(lines(*(logs(one) for one in records))).rows
    assert {entity: len(found) for entity, found in rows.items()} == {"outcomes": 2}
    names = ("landing_line", "event_id", "outcome", "emitter", "reason", "occurred_at")
    ended = datetime(2026, 10, 1, 12, 0, 2, 500_000)
    assert [tuple(row[name] for name in names) for row in rows["outcomes"]] == [
        (1, "evt-1", "failure", "human", "reopened", ended),
        (2, "evt-1", "success", "human", "reopened", ended),
    ]


def test_a_grade_is_an_outcome_where_the_company_says_so(job: Job) -> None:
    label, by = "gen_ai.evaluation.score.label", "gen_ai.evaluation.name"
    grades = [record({"event_id": f"e-{word}", label: word, by: "resolved"}) for word in ("pass", "fail")]
    config = {"attributes": {"outcome": [label]}, "outcomes": {"pass": "success", "fail": "failure"}}
    assert job.take(lines(logs(*grades))).rows == {}
    rows = job.take(lines(logs(*grades)), name="graded", **config).rows["outcomes"]
    assert [(row["event_id"], row["outcome"]) for row in rows] == [("e-pass", "success"), ("e-fail", "failure")]


def test_usage_of_records_that_nobody_reads_is_named(job: Job) -> None:
    unread = record({"acme.prompt_tokens": 5, "acme.completion_tokens": 0, "acme.max_tokens": 9}, eventName="acme")
    taken = job.take(lines(logs(unread, record({"acme.prompt_tokens": 7}))))
    assert taken.calls == []
    assert [(r["scope_name"], r["attribute"], r["calls"]) for r in taken.rows["unread_usage"]] == [
        ("acme.agent", "acme.prompt_tokens", 2)
    ]


def test_traces_and_logs_in_one_message(job: Job) -> None:
    both = message(span(CALL | {INPUT: 5})) | logs(record(CALL | {INPUT: 6}))
    assert [usage(call) for call in job.take(lines(both)).calls] == [{"input_tokens": 5}, {"input_tokens": 6}]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        # What an emitter says again of its event's name is none.
        ({"stringValue": "request"}, True),
        ({"stringValue": "acme.request"}, True),
        ({"stringValue": "My card is 4111"}, False),
        ({"stringValue": "4111request"}, False),
        ({"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "My card is 4111"}}]}}, False),
    ],
)
def test_the_body_of_a_record_may_be_text(job: Job, body: Json, kept: bool) -> None:
    taken = job.take(lines(logs(record(CALL | {INPUT: 5, "event.name": "request"}, body=body))))
    assert b"4111" not in taken.stored
    assert ("body" in json.loads(taken.stored)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]) is kept
    assert usage(taken.calls[0]) == {"input_tokens": 5}


def test_text_attributes_of_records_are_removed(job: Job) -> None:
    content = record(CALL | {INPUT: 5, "gen_ai.input.messages": "My card is 4111"}, eventName=DETAILS)
    taken = job.take(lines(logs(content)))
    assert b"4111" not in taken.stored
    assert taken.landed.objects[0].meta["removed"] == "1"
    assert usage(taken.calls[0]) == {"input_tokens": 5}
