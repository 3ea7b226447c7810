"""A record that cannot be read loses itself, never its file (rule R33)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime

import pytest

from reconcilers.errors import SourceRejected
from reconcilers.sources import registry
from tests.sources.telemetry.conftest import Job, usage
from tests.sources.telemetry.written import CALL, PACKINGS, WORK, Json, chat, gzipped, line, lines, message, span

Refusal = Callable[..., SourceRejected]

#: What is no message of traces or logs, and a word of the reason.
UNREADABLE: dict[bytes, str] = {
    b"\x12\x05proto": "not JSON",
    b"span,tokens": "not JSON",
    b"[]": "a JSON list",
    b'"text"': "a JSON str",
    b"null": "a JSON NoneType",
    b'{"spans":[]}': "no resourceSpans",
    b'{"resourceSpans":{"a":1}}': "shape",
    # What holds the spans is called otherwise: an older version of OTLP, a writer with names of its own.
    b'{"resourceSpans":[{"instrumentationLibrarySpans":[{"spans":[]}]}]}': "no scopeSpans",
    b'{"resourceSpans":[{"scopeSpans":[{"records":[1]}]}]}': "no spans",
    b'{"resourceLogs":[{"scope_logs":[]}]}': "no scopeLogs",
    b'{"resourceSpans":[1]}': "shape",
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[1]}]}]}': "shape",
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"value":{}}]}]}]}]}': "shape",
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"\xff"}]}]}]}': "not JSON",
    b"[" * 5000: "not JSON",
    b'{"resourceSpans":[{"acme":' + b"[" * 5000 + b"]" * 5000 + b"}]}": "not JSON",
    b'{"resourceMetrics":[]}': "holds metrics",
    b'{"resourceProfiles":[]}': "holds profiles",
    line(message(span(CALL)) | {"resourceMetrics": []}): "holds metrics",
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("content", UNREADABLE)
def test_a_line_that_cannot_be_read_loses_itself(job: Job, content: bytes, packing: str) -> None:
    taken = job.take(PACKINGS[packing](chat(CALL) + content + b"\n" + chat(CALL, CALL)))
    assert [call["landing_line"] for call in taken.calls] == [1, 3, 4]
    (row,) = taken.rows["rejected_records"]
    told = (row["source"], row["unit"], row["landing_line"], row["bytes"], row["attribute"], row["charge_day"])
    assert told == ("traces", "traces.json", 2, len(content) + (packing != "framed"), None, None)
    assert UNREADABLE[content] in row["reason"]
    # It may hold text, so it is not kept.
    assert taken.landed.objects[0].meta["unreadable"] == "1"


@pytest.mark.parametrize("content", UNREADABLE)
def test_a_file_without_a_line_that_can_be_read_is_refused(refused: Refusal, content: bytes) -> None:
    error = refused(content + b"\n" + content)
    assert error.line == 1
    assert UNREADABLE[content] in error.problem


def test_what_is_kept_of_a_line_that_cannot_be_read_is_no_text(job: Job) -> None:
    cut = line(message(span(CALL | {"tenant_id": "My card is 4111"})))[:-30]
    taken = job.take(chat(CALL) + cut + b"\n" + chat(CALL))
    assert b"4111" not in taken.stored
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": str(job.folder)})
    (item,) = taken.landed.objects
    assert json.loads(source.cited(taken.landed.path(item), "traces.json", 2))["unreadable"]["bytes"] == len(cut) + 1
    # The same file gives the same bytes again.
    assert not job.take(chat(CALL) + cut + b"\n" + chat(CALL), known_at=datetime(2026, 10, 9)).news


def test_the_last_line_of_a_writer_that_was_stopped(job: Job) -> None:
    taken = job.take(chat(CALL, CALL)[:-30])
    assert [call["landing_line"] for call in taken.calls] == [1]
    assert [(line, reason[:8]) for line, _, reason in taken.rejected] == [(2, "not JSON")]


def test_a_line_cut_by_rotation_costs_neither_file_its_other_lines(job: Job) -> None:
    content = chat(*(CALL | {"tenant_id": f"ten-{n}"} for n in range(10)))
    at = content.index(b"ten-4")
    rotated, current = job.take(content[:at], "traces-1.json"), job.take(content[at:], "traces.json")
    assert [call["tenant_id"] for call in (*rotated.calls, *current.calls)] == [f"ten-{n}" for n in range(10) if n != 4]
    assert [[line for line, _, _ in taken.rejected] for taken in (rotated, current)] == [[5], [1]]


def test_a_head_of_nul_bytes_is_nothing(job: Job) -> None:
    """Rotation that truncates a file under its writer leaves them where the rotated part was."""
    taken = job.take(b"\0" * 5000 + chat(CALL, CALL))
    assert [call["landing_line"] for call in taken.calls] == [1, 2]
    assert taken.rejected == []


def test_lines_after_two_that_are_no_json_count(job: Job) -> None:
    """Two such lines are how a document over several lines begins, too."""
    taken = job.take(b'{"resourceSpans":\n[{]\n' + chat(CALL, CALL)[:-1])
    assert [call["landing_line"] for call in taken.calls] == [3, 4]
    assert [line for line, _, _ in taken.rejected] == [1, 2]


def test_a_message_too_long_to_read(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconcilers.sources.telemetry.spans.files.MAX_MESSAGE_BYTES", 2000)
    long = lines(message(span(CALL | {"tenant_id": "x" * 5000})))
    for packing in ("plain", "framed"):
        taken = job.take(PACKINGS[packing](chat(CALL) + long + chat(CALL)), f"{packing}.json")
        assert [call["landing_line"] for call in taken.calls] == [1, 3]
        ((at, _, reason),) = taken.rejected
        assert at == 2
        assert "a message of more than" in reason


@pytest.mark.parametrize("packing", ["gzip", "zstd", "framed"])
@pytest.mark.parametrize("kept", [0.7, 0.99])
def test_a_packed_file_that_ends_early_keeps_what_came(job: Job, packing: str, kept: float) -> None:
    calls = [CALL | {"tenant_id": f"ten-{n * n}"} for n in range(2000)]
    content = b"".join(PACKINGS[packing](chat(*calls[at : at + 500])) for at in range(0, 2000, 500))
    taken = job.take(content[: int(len(content) * kept)])
    assert [call["tenant_id"] for call in taken.calls] == [c["tenant_id"] for c in calls[: len(taken.calls)]]
    assert 500 <= len(taken.calls) < 2000
    assert "early" in taken.rejected[-1][2]


@pytest.mark.parametrize("kept", [0.1, 0.3])
def test_a_packed_file_without_a_whole_line_is_refused(refused: Refusal, kept: float) -> None:
    packed = gzipped(chat(CALL))
    error = refused(packed[: int(len(packed) * kept)])
    assert error.line == 1
    assert "early" in error.problem


def test_a_damaged_message_of_a_framed_file_loses_itself(job: Job) -> None:
    packed = bytearray(PACKINGS["framed"](chat(*(CALL | {"tenant_id": f"ten-{n * n}"} for n in range(200)))))
    packed[len(packed) // 2] ^= 0xFF
    taken = job.take(bytes(packed))
    assert len(taken.calls) + len(taken.rejected) == 200
    assert 1 <= len(taken.rejected) <= 2


def test_a_document_over_several_lines_that_ends_early_is_refused(refused: Refusal) -> None:
    document = json.dumps(message(span(CALL)), indent=2).encode()
    assert "not JSON" in refused(document[:-20]).problem


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"traceId": "abc"}, "traceId"),
        ({"spanId": None}, "spanId"),
        ({"traceId": "'" * 32}, "traceId"),
        ({"startTimeUnixNano": "0", "endTimeUnixNano": "0"}, "without a time"),
        ({"startTimeUnixNano": "soon", "endTimeUnixNano": None}, "without a time"),
        ({"endTimeUnixNano": "-1790856000000000000"}, "time"),
        # Microseconds and seconds in the place of nanoseconds are times of 1970.
        ({"startTimeUnixNano": "1790856000000000", "endTimeUnixNano": "1790856001000000"}, "1790856001000000"),
        ({"startTimeUnixNano": "1790856000", "endTimeUnixNano": "1790856001"}, "nanoseconds"),
        ({"endTimeUnixNano": "9223372036854775807"}, "nanoseconds"),
    ],
)
def test_a_span_without_identity_or_time_loses_itself(job: Job, fields: Json, reason: str) -> None:
    first, second = span(CALL | WORK), span(CALL | WORK, **fields)
    taken = job.take(lines(message(span(CALL)), message(first, second), message(span(CALL))))
    assert [call["landing_line"] for call in taken.calls] == [1, 2, 3]
    ((at, attribute, told),) = taken.rejected
    assert (at, attribute) == (2, None)
    assert reason in told


def test_a_span_that_begins_after_it_ends_is_a_call_whose_begin_is_not_known(job: Job) -> None:
    taken = job.take(chat(CALL, startTimeUnixNano="1790856003000000000"))
    assert [(c["started_at"], c["ended_at"]) for c in taken.calls] == [(None, datetime(2026, 10, 1, 12, 0, 2, 500_000))]
    assert taken.rejected == [(1, "startTimeUnixNano", "begins after it ends")]


def test_a_begin_in_another_unit_is_not_known(job: Job) -> None:
    """Or the call would have begun in 1970, and its other day (rule R16) be of then."""
    taken = job.take(chat(CALL, startTimeUnixNano="1790856000000000"))
    assert [call["started_at"] for call in taken.calls] == [None]
    assert [attribute for _, attribute, _ in taken.rejected] == ["startTimeUnixNano"]


@pytest.mark.parametrize("count", ["-35", "1.5", "many", "1_000", str(10**12 + 1), str(10**30)])
def test_a_call_with_a_count_that_is_none_has_no_known_usage(job: Job, count: str) -> None:
    faulty = CALL | {"gen_ai.usage.prompt_tokens": count, "gen_ai.usage.output_tokens": 5}
    taken = job.take(chat(CALL | {"gen_ai.usage.input_tokens": 7}, faulty))
    first, second = taken.calls
    assert usage(first) == {"input_tokens": 7}
    names = ("billable", "usage", "usage_source", "input_total", "output_total", "meters_told")
    assert [second[name] for name in names] == [True, [], "missing", None, None, 0]
    (row,) = taken.rows["rejected_records"]
    assert (row["landing_line"], row["attribute"], row["charge_day"]) == (
        2,
        "gen_ai.usage.prompt_tokens",
        date(2026, 10, 1),
    )
    assert repr(count)[:30] in row["reason"]


@pytest.mark.parametrize("value", [{"arrayValue": {"values": [{"intValue": "7"}]}}, {"bytesValue": "Nw=="}])
def test_a_count_that_is_a_list_or_bytes_is_none(job: Job, value: Json) -> None:
    listed = span(CALL | {"gen_ai.usage.output_tokens": 5})
    listed["attributes"].append({"key": "gen_ai.usage.input_tokens", "value": value})
    empty = span(CALL | {"gen_ai.usage.output_tokens": 5})
    empty["attributes"].append({"key": "gen_ai.usage.input_tokens", "value": {}})
    taken = job.take(lines(message(listed), message(empty)))
    assert [usage(call) for call in taken.calls] == [{}, {"output_tokens": 5}]
    assert [(at, attribute) for at, attribute, _ in taken.rejected] == [(1, "gen_ai.usage.input_tokens")]


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("gen_ai.usage.cost", "reported_cost", "NaN"),
        ("gen_ai.usage.cost", "reported_cost", "1,5"),
        ("gen_ai.usage.cost", "reported_cost", "1e400"),
        ("gen_ai.usage.cost", "reported_cost", "cheap"),
        ("sampling.probability", "sampling_probability", "0"),
        ("sampling.probability", "sampling_probability", "1.1"),
        ("sampling.probability", "sampling_probability", "-1"),
        ("sampling.probability", "sampling_probability", "often"),
        ("_MS.sampleRate", "sampling_percent", "100.1"),
        ("_MS.sampleRate", "sampling_percent", "0"),
    ],
)
def test_a_number_that_is_none_is_not_known(job: Job, name: str, field: str, value: str) -> None:
    taken = job.take(chat(CALL, CALL | {name: value, "gen_ai.usage.input_tokens": 5}))
    call = taken.calls[1]
    assert (call["reported_cost"], call["sampling_probability_millionths"]) == (None, None)
    assert usage(call) == {"input_tokens": 5}
    assert [(at, attribute) for at, attribute, _ in taken.rejected] == [(2, field)]


def test_a_file_that_is_gone_is_refused(job: Job) -> None:
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": str(job.folder)})
    with pytest.raises(SourceRejected) as caught:
        source.fetch("gone.json", job.landing.pull("traces", "otlp", "gone.json"))
    assert caught.value.file == "gone.json"


def test_nothing_is_written_about_a_readers_work(job: Job, recwarn: pytest.WarningsRecorder) -> None:
    job.take(chat(CALL))
    assert [str(warning.message) for warning in recwarn] == []
