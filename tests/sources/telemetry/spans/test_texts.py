"""What of a span is text, by a rule and not by a list of emitters."""

from __future__ import annotations

import json

import pytest

from tests.sources.telemetry.conftest import Job
from tests.sources.telemetry.written import CALL, Json, attribute, chat, event, lines, message, span

#: Names of emitters no vocabulary of ours knows, each with one word for its text.
UNKNOWN = (
    "prompt",
    "completion",
    "events",
    "request_data",
    "acme.spanOutputs",
    "acme.output_json",
    "acme.chat.history",
    "acme.reasoning",
    "acme.tool.args",
    "acme.http.headers",
    "acme.function_calls",
    "acme.metadata",
    "acme.llm_request",
    "acme:output",
    "gen_ai.request.instructions",
    "gen_ai.response.text",
    "acme.systemInstructions",
    "db.query.text",
    "http.request.header.authorization",
)


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_name_with_a_word_of_text_holds_text(job: Job, name: str) -> None:
    taken = job.take(chat(CALL | {name: "CANARY"}))
    assert b"CANARY" not in taken.stored
    assert taken.landed.objects[0].meta["removed"] == "1"
    assert len(taken.calls) == 1


#: What a name that says nothing holds.
TEXTS: dict[str, object] = {
    "a sentence": "Where is CANARY?",
    "lines": "CANARY\nand",
    "JSON": json.dumps({"a": "CANARY"}),
    "another script": "CANARY在哪里",
    "a long word": "CANARY" * 30,
    "a list of sentences": ["one", "is it CANARY"],
    "a long list": ["CANARY"] * 40,
    "a text in words": ["where", "is", "CANARY", *["and"] * 27, "w" * 40],
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_name_that_says_nothing_holds_text_where_its_value_is_no_single_word(job: Job, text: str) -> None:
    assert b"CANARY" not in job.take(chat(CALL | {"acme.thing": TEXTS[text]})).stored


#: What no id or name is, whatever its name promises: too long, or more than a line.
NO_NAMES: dict[str, object] = {
    "long": "is it CANARY? " * 20,
    "lines": "CANARY\nand",
    "a list that is long in all": ["is it CANARY?"] * 20,
}


@pytest.mark.parametrize("text", NO_NAMES)
@pytest.mark.parametrize(
    "name", ["acme.chat.id", "acme.question_type", "gen_ai.request.acme", "botanu.acme", "aws.acme"]
)
def test_a_name_that_promises_a_name_holds_no_text_beyond_a_line(job: Job, name: str, text: str) -> None:
    taken = job.take(chat(CALL | {name: NO_NAMES[text]}))
    assert b"CANARY" not in taken.stored
    assert len(taken.calls) == 1


#: Text where no attribute holds it.
ELSEWHERE: dict[str, Json] = {
    "a member OTLP does not know": span(CALL, input="CANARY"),
    "a member that should be a text": span(CALL, traceState={"prompt": "CANARY"}),
    "the name of a span": span(CALL, name="is it CANARY? " * 20),
    "lines in the name of a span": span(CALL, name="CANARY\nand"),
    "a state": span(CALL, traceState="CANARY" * 100),
    "the name of an event": span(CALL, events=[event("is it CANARY?", {})]),
    "a member of an event": span(CALL, events=[event("acme", {}) | {"body": "CANARY"}]),
    "a long name of an attribute": span(CALL | {"is it CANARY? " * 20: 1}),
    "beside a value": span(CALL) | {"attributes": [attribute("gen_ai.request.model", "m-1") | {"text": "CANARY"}]},
    "a number": span(CALL) | {"attributes": [{"key": "acme.prompt", "value": {"intValue": "CANARY"}}]},
    "a map under a name that is read": span(CALL)
    | {"attributes": [{"key": "event_id", "value": {"kvlistValue": {"values": [attribute("a", "CANARY")]}}}]},
    "bytes under a name that is read": span(CALL)
    | {"attributes": [{"key": "gen_ai.usage.input_tokens", "value": {"bytesValue": "CANARY"}}]},
    "a list of lists": span(CALL) | {"attributes": [attribute("acme", [["CANARY"]])]},
}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_text_is_landed_from_nowhere_in_a_span(job: Job, where: str) -> None:
    taken = job.take(lines(message(ELSEWHERE[where])))
    assert b"CANARY" not in taken.stored
    assert "CANARY" not in json.dumps(taken.rows, default=str)
    assert int(taken.landed.objects[0].meta["removed"]) >= 1
    assert [row["attribute"] for row in taken.rows.get("rejected_records", [])] in ([], ["gen_ai.usage.input_tokens"])


@pytest.mark.parametrize("part", ["message", "resource", "scope", "scopeSpans"])
def test_text_is_landed_from_nowhere_around_spans(job: Job, part: str) -> None:
    content = message(span(CALL))
    of_resource = content["resourceSpans"][0]
    of_scope = of_resource["scopeSpans"][0]
    parts = {
        "message": content,
        "resource": of_resource["resource"],
        "scope": of_scope["scope"],
        "scopeSpans": of_scope,
    }
    parts[part]["note"] = "CANARY"
    assert b"CANARY" not in job.take(lines(content)).stored


def test_a_message_without_text_stays_as_it_was_written_beside_one_with_text(job: Job) -> None:
    plain = json.dumps(message(span(CALL | {"acme.ratio": 1.50})), indent=None, separators=(" , ", " : ")).encode()
    taken = job.take(plain + b"\n" + lines(message(span(CALL | {"acme.thing": "is it CANARY?"}))))
    assert taken.stored.splitlines()[0] == plain


def test_numbers_and_single_words_stay_for_a_setting_that_names_them_one_day(job: Job) -> None:
    values: Json = {
        "acme.case": "case-7/2026-10-01T12:00:00+00:00",
        "acme.where": "https://api.acme.example/v1",
        "acme.labels": ["a", "b"],
        "acme.score": 0.5,
        "acme.prompt_length": 17,
        "acme.input.cached": True,
        # A name says by its last word what it is.
        "acme.chat.id": "Ticket 7 of Ann",
        "acme.prompt_name": "Greeting, short",
        # OpenTelemetry's other conventions name it.
        "gen_ai.request.encoding_formats": ["base64 text"],
    }
    content = chat(CALL | values)
    assert job.take(content).stored == content


def test_what_a_setting_reads_stays_and_what_it_removes_goes(job: Job) -> None:
    values = CALL | {"acme.output.area": "two words", "acme.other.area": "two words", "acme.secretly": "word"}
    taken = job.take(chat(values), attributes={"feature_id": ["acme.output.area"]}, remove=["acme.secretly"])
    assert taken.calls[0]["feature_id"] == "two words"
    assert taken.landed.objects[0].meta["removed"] == "2"
    assert b"acme.secretly" not in taken.stored


def test_what_calls_share_is_no_text_unless_its_name_says_so(job: Job) -> None:
    resource = {
        "service.name": "answers",
        "acme.motto": "We answer all",
        "process.executable.path": "/usr/bin/python",
    }
    content = lines(message(span(CALL), resource=resource))
    assert job.take(content).stored == content
    assert b"CANARY" not in job.take(lines(message(span(CALL), resource=resource | {"acme.prompt": "CANARY"}))).stored


@pytest.mark.parametrize("value", ["We answer CANARY. " * 20, "CANARY\nand"])
def test_what_calls_share_is_a_line_or_is_not_landed(job: Job, value: str) -> None:
    content = lines(message(span(CALL), resource={"acme.motto": value, "service.name": "answers"}))
    taken = job.take(content)
    assert b"CANARY" not in taken.stored
    assert taken.calls[0]["service"] == "answers"


def test_a_command_line_may_hold_a_prompt(job: Job) -> None:
    resource = {"process.command_args": ["agent", "-p", "CANARY"], "process.command_line": "agent -p CANARY"}
    assert b"CANARY" not in job.take(lines(message(span(CALL), resource=resource))).stored


def test_errors_quote_what_was_refused(job: Job) -> None:
    said = {"exception.type": "Refused", "exception.message": "CANARY", "exception.stacktrace": "CANARY"}
    failed = span(CALL, status={"code": 2, "message": "CANARY"}, events=[event("exception", said)])
    taken = job.take(lines(message(failed)))
    (call,) = taken.calls
    assert (call["status"], call["error_type"]) == ("error", "Refused")
    assert b"CANARY" not in taken.stored
    assert taken.landed.objects[0].meta["removed"] == "3"


def test_a_status_message_alone_is_removed(job: Job) -> None:
    content = lines(message(span(CALL, status={"code": 2, "message": "CANARY"})))
    assert b"CANARY" not in job.take(content).stored


def test_attributes_of_a_log_record_are_judged_alike(job: Job) -> None:
    counts = [attribute("gen_ai.usage.input_tokens", 5), attribute("acme.reply", "it is CANARY")]
    record = {"timeUnixNano": "1790856000000000000", "eventName": "acme", "attributes": counts}
    content = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert b"CANARY" not in job.take(lines(content)).stored


@pytest.mark.parametrize(
    "said",
    [
        {"severityText": "CANARY " * 30},
        {"eventName": "is it CANARY?"},
        {"body": {"stringValue": "CANARY said .acme"}},
        {"text": "CANARY"},
    ],
    ids=str,
)
def test_of_a_log_record_no_text_is_landed(job: Job, said: Json) -> None:
    counts = [attribute("gen_ai.usage.input_tokens", 5)]
    record = {"timeUnixNano": "1790856000000000000", "eventName": "acme", "attributes": counts} | said
    content = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert b"CANARY" not in job.take(lines(content)).stored
