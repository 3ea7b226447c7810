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
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_name_that_says_nothing_holds_text_where_its_value_is_no_single_word(job: Job, text: str) -> None:
    assert b"CANARY" not in job.take(chat(CALL | {"acme.thing": TEXTS[text]})).stored


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
        "process.command_args": ["python", "answer.py --all"],
    }
    content = lines(message(span(CALL), resource=resource))
    assert job.take(content).stored == content
    assert b"CANARY" not in job.take(lines(message(span(CALL), resource=resource | {"acme.prompt": "CANARY"}))).stored


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
