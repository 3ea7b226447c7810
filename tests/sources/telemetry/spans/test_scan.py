"""The compiled reader and the general one give the same rows of the same bytes, whatever those are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconcilers.errors import SourceRejected
from reconcilers.sources import registry
from reconcilers.sources.telemetry import otlp
from reconcilers.sources.telemetry.otlp import DIALECTS, Otlp, dialect_named
from reconcilers.sources.telemetry.spans import files, kernel, prompts, texts
from reconcilers.sources.telemetry.spans.attributes import is_neat
from reconcilers.sources.telemetry.spans.files import line_ends, read_blocks, read_lines
from reconcilers.sources.telemetry.spans.outline import LONGEST_TRACE_STATE
from reconcilers.sources.telemetry.spans.prompts import Found, TextFilter
from reconcilers.sources.telemetry.spans.query import Spans
from reconcilers.sources.telemetry.spans.removal import Texts
from reconcilers.sources.telemetry.spans.texts import LONGEST, is_one_word
from tests.sources.telemetry.conftest import Job, same
from tests.sources.telemetry.written import (
    CALL,
    PACKINGS,
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

#: Names that are read, of which one tells a count; that look unread; of events; of nothing.
NAMES = (
    *("gen_ai.request.model", "gen_ai.usage.input_tokens", "event_id", "tenant_id", "service.name", "run_id"),
    *("acme.total_tokens", "acme.tenant_id", "acme.note", "content", "status", "gen_ai.prompt", "name", "", "ä/ö"),
    *("gen_ai.response.finish_reasons", "llm.request.type", "a" * 130, "a" * 131, "botanu.run.completed/status"),
)
WORDS = st.sampled_from(
    ["", "0", "-5", "7", "gpt-5", "evt 1", "a\nb", 'say "no"', "é", "\u2028", "😀", "x" * 129, "\x7f"]
)
TEXT = st.one_of(WORDS, st.text(max_size=5))
SCALAR = st.one_of(
    st.fixed_dictionaries({"stringValue": TEXT}),
    st.fixed_dictionaries({"intValue": st.one_of(st.integers(-5, 10**19), st.integers(0, 50).map(str), WORDS)}),
    st.fixed_dictionaries({"doubleValue": st.one_of(st.floats(-1e9, 1e9), st.just("NaN"), st.integers(0, 9))}),
    st.fixed_dictionaries({"boolValue": st.booleans()}),
)
VALUE = st.one_of(
    SCALAR,
    SCALAR,
    SCALAR,
    st.just({}),
    st.fixed_dictionaries({"arrayValue": st.fixed_dictionaries({"values": st.lists(SCALAR, max_size=3)})}),
    st.just({"arrayValue": {}}),
    st.just({"kvlistValue": {"values": []}}),
    st.just({"stringValue": "a", "intValue": "1"}),
)
ATTRIBUTES = st.lists(st.fixed_dictionaries({"key": st.sampled_from(NAMES), "value": VALUE}), max_size=5)
NUMBER = st.one_of(st.just("1790856000000000000"), st.just(1790856002500000000), st.just("x"), st.just(None))
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["gen_ai.usage", "botanu.run.completed", "gen_ai.user.message", "a b", 5]),
        "timeUnixNano": NUMBER,
        "attributes": ATTRIBUTES,
    },
)
LINK = st.fixed_dictionaries({}, optional={"traceId": st.just(TRACE), "name": st.just("x"), "attributes": ATTRIBUTES})
SPANS = st.lists(
    st.fixed_dictionaries(
        {"attributes": ATTRIBUTES},
        optional={
            "traceId": st.sampled_from([TRACE, "", "x" * 200]),
            "spanId": st.just(SPAN),
            "name": WORDS,
            "kind": st.sampled_from([3, "SPAN_KIND_CLIENT"]),
            "startTimeUnixNano": NUMBER,
            "endTimeUnixNano": NUMBER,
            "events": st.lists(EVENT, max_size=2),
            "links": st.lists(LINK, max_size=2),
            "status": st.sampled_from([{}, {"code": 2}, {"code": "STATUS_CODE_OK", "message": "no"}, {"message": ""}]),
            "droppedEventsCount": st.just(1),
            "droppedAttributesCount": st.sampled_from([0, 3, "3", "x"]),
            "more": st.just("x"),
        },
    ),
    max_size=3,
)
SCOPED = st.fixed_dictionaries(
    {"spans": SPANS},
    optional={"scope": st.fixed_dictionaries({}, optional={"name": WORDS, "version": WORDS, "attributes": ATTRIBUTES})},
)
RESOURCES = st.lists(
    st.fixed_dictionaries(
        {"scopeSpans": st.lists(SCOPED, max_size=2)},
        optional={"resource": st.fixed_dictionaries({}, optional={"attributes": ATTRIBUTES}), "schemaUrl": WORDS},
    ),
    max_size=2,
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A line: compact and in order, nearly always, and sometimes with a byte that is wrong."""
    content = json.dumps(
        {"resourceSpans": draw(RESOURCES)},
        separators=draw(st.sampled_from([(",", ":"), (",", ":"), (",", ":"), (", ", ": ")])),
        ensure_ascii=draw(st.booleans()),
    ).encode()
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(content)))
        instead = draw(st.sampled_from([b"", b",", b"}", b"0", b'"', b"\\", b" ", b"\0"]))
        content = content[:at] + instead + content[at + draw(st.integers(0, 2)) :]
    return content.replace(b"\n", b"").replace(b"resourceLogs", b"")


#: Lines as emitters write them, of which the kernel reads most and takes text out of many.
ORDERLY = st.lists(
    st.dictionaries(
        st.sampled_from(["gen_ai.prompt", "acme.note", "tenant_id", "acme.x", "gen_ai.request.model", "llm.prompts"]),
        st.one_of(
            st.sampled_from(["a", "a b", 'say "no"', "x" * 129, "é"]),
            st.integers(0, 9),
            st.floats(0, 1),
            st.booleans(),
            st.lists(st.sampled_from(["a", "b c"]), max_size=2),
        ),
    ),
    min_size=1,
    max_size=3,
).map(lambda spans: line(message(*map(span, spans))))
FILES = st.lists(st.one_of(messages(), ORDERLY), min_size=1, max_size=4).map(b"\n".join)
#: Bytes read at a time: lines that begin in one block and end in another.
CHUNKS = st.sampled_from([500, 1500, 2 << 20])


@contextmanager
def read_by(chunk: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_CHUNK_BYTES", chunk)
        yield


#: One name told twice by a span, and by two of its events.
TWICE = span(
    {"botanu.run.completed/status": "its own"},
    events=[event("botanu.run.completed", {"status": how}) for how in ("failure", "success")],
)
TWICE["attributes"] *= 2
#: A resource of which no span is told, so that what it tells is nobody's.
WITHOUT_SPANS = {"resourceSpans": [{"resource": {"attributes": [attribute("tenant_id", "ten-9")]}, "scopeSpans": []}]}
Readers = tuple[Spans, Spans]


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    """The compiled reader with the general one behind it, and the general one alone."""
    dialects = [dialect_named(name) for name in DIALECTS]
    with Spans(dialects, {}, compiled=True) as both, Spans(dialects, {}) as general:
        yield both, general


def read(spans: Spans, path: Path) -> tuple[list[Json], list[Any]]:
    """The rows of a file's spans, without what they do not tell, and its rejected records."""
    rejected: list[Any] = []
    blocks = read_blocks(path, path.name)
    tables = [part for block in blocks for part in spans.parse(block, 0, lambda *told: rejected.append(told))]
    rows = [{k: v for k, v in row.items() if v is not None} for table in tables for row in table.to_pylist()]
    return [row | {"unread": sorted(row.get("unread", ()))} for row in rows], rejected


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=FILES, chunk=CHUNKS)
@example(content=lines(message(TWICE)), chunk=2 << 20)
@example(content=lines(WITHOUT_SPANS, message(span({}), resource={})), chunk=2 << 20)
@example(content=chat(CALL | WORK) + b"\n\n" + chat(WORK).replace(b":", b": "), chunk=1000)
def test_both_readers_give_the_same_rows(readers: Readers, tmp_path: Path, content: bytes, chunk: int) -> None:
    path = tmp_path / "traces.json"
    path.write_bytes(content)
    both, general = readers
    with read_by(chunk):
        assert read(both, path) == read(general, path)
        for ends in (line_ends, kernel.line_ends):
            blocks = read_blocks(path, "x", ends=ends)
            told = [one for block in blocks for one in block.lines(range(len(block.starts)))]
            assert told == list(read_lines(path, "x"))


@pytest.mark.parametrize("blanks", range(3))
def test_a_line_that_is_no_message_is_told_wherever_its_text_is_cut(
    readers: Readers, tmp_path: Path, blanks: int
) -> None:
    """Of what DuckDB quotes a byte more or less decides whether it is text."""
    path = tmp_path / "traces.json"
    wrong = f'"resourceSpans":[{" " * blanks}{"ä" * 100}\n'.encode()
    path.write_bytes(chat(CALL) + wrong + chat(CALL))
    for spans in readers:
        rows, ((line, reason, size),) = read(spans, path)
        assert ([row["line"] for row in rows], line, size) == ([1, 3], 2, len(wrong))
        assert reason.startswith("not readable as OTLP/JSON: Invalid Input Error: Malformed JSON at byte")


def landed(path: Path, compiled: bool) -> tuple[int, int, bytes] | str:
    """What of a file would be landed, by the compiled filter with the general one behind it or by that alone."""
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": "traces"})
    assert isinstance(source, Otlp)
    found = Found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prompts, "is_worth_compiling", lambda size: compiled)
        try:
            content = b"".join(TextFilter("traces", source._text_names).without_text(path, "x", found))
        except SourceRejected as error:
            return str(error)
    return found.removed, found.unreadable, content


BYTES = st.sampled_from([b"\xff", b"\xed\xa0\x80", "ä".encode(), b"\xc3"])


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=FILES, bad=BYTES, at=st.integers(0, 2000), chunk=CHUNKS)
@example(
    content=chat(CALL | {"gen_ai.prompt": "no", "c": 0.5}, {"gen_ai.prompt": 'say "no"'}), bad=b"", at=0, chunk=900
)
@example(
    content=chat({"tenant_id": "é", "gen_ai.prompt": "no"}).replace("é".encode(), b"\\u00e9"), bad=b"", at=0, chunk=900
)
@example(content=chat({"gen_ai.prompt": "no"}, {"a": 1, "gen_ai.prompt": "no"}), bad=b"", at=0, chunk=900)
def test_both_filters_leave_the_same_bytes(tmp_path: Path, content: bytes, bad: bytes, at: int, chunk: int) -> None:
    path = tmp_path / "traces.json"
    # Mostly beyond the end, and so not in it at all.
    path.write_bytes(content[:at] + bad + content[at:] if at < len(content) else content)
    with read_by(chunk):
        assert landed(path, compiled=True) == landed(path, compiled=False)


@pytest.mark.parametrize("packing", PACKINGS)
def test_text_far_into_a_file_is_not_landed(job: Job, monkeypatch: pytest.MonkeyPatch, packing: str) -> None:
    clean = chat(*(CALL | {"tenant_id": f"ten-{n}"} for n in range(50)))
    content = PACKINGS[packing](clean + b"\n" + chat(CALL | {"gen_ai.prompt": "no word of it"}) + clean)
    monkeypatch.setattr(files, "_CHUNK_BYTES", 5000)
    taken = []
    for by_kernel in (False, True):
        for module in (otlp, prompts):
            monkeypatch.setattr(module, "is_worth_compiling", lambda size, told=by_kernel: told)
        taken.append(job.take(content, f"{by_kernel}.json"))
    general, compiled = taken
    assert compiled.stored == general.stored
    assert compiled.landed.objects[0].meta == general.landed.objects[0].meta
    assert same(compiled.rows) == same(general.rows)


#: Texts of a column, and whether none of them would change without the blanks around it.
COLUMNS: list[tuple[list[str | None], bool]] = [
    (["a b", None, "c"], True),
    ([None, None], True),
    ([], True),
    (["a "], False),
    (["\ta"], False),
    (["a\u00a0"], False),
    (["a", ""], False),
    (["é"], False),
]


@pytest.mark.parametrize(("values", "neat"), COLUMNS)
def test_columns_that_need_no_trim(values: list[str | None], neat: bool) -> None:
    column = pa.chunked_array([[" ", *values, " "]], pa.string())
    assert is_neat(column.slice(1, len(values))) is neat


def test_text_is_taken_out_by_the_kernel(tmp_path: Path) -> None:
    values = CALL | {
        "gen_ai.prompt": 'say "no"\n',
        "temperature": 0.5,
        "acme.note": "no word of it",
        "gen_ai.completion": "é",
    }
    path = tmp_path / "traces.json"
    path.write_bytes(lines(message(span(values)), message(span(CALL), resource={"gen_ai.prompt": "no", "a": "b c"})))
    (block,) = read_blocks(path, "x")
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": "traces"})
    assert isinstance(source, Otlp)
    judged = Texts(source._text_names).judged(block)
    assert (judged.left, judged.removed) == ([], 4)
    assert bytes(judged.without(0, 2, 0)) == lines(
        _with_text_number(message(span(CALL | {"temperature": 0.5}))),
        message(span(CALL), resource={"a": "b c"}),
    )


def _with_text_number(content: Json) -> Json:
    """The message with its fractions as text."""
    return json.loads(json.dumps(content).replace('"doubleValue": 0.5', '"doubleValue": "0.5"'))  # type: ignore[no-any-return]


def test_the_kernel_knows_the_rules_of_text() -> None:
    assert kernel._LONGEST == LONGEST
    assert kernel._LONGEST_TRACE_STATE == LONGEST_TRACE_STATE
    assert kernel._MOST_VALUES == texts._MOST_VALUES
    words = [chr(byte) for byte in range(128) if kernel._WORD[byte]]
    assert words == [chr(byte) for byte in range(128) if is_one_word(chr(byte))]


#: What is read by the kernel alone, so that a kernel that leaves everything to the other reader is seen.
ORDINARY: dict[str, Json] = {
    "text, numbers and a truth value": span(CALL | {"a": 1, "b": 0.5, "stream": True, "c": ["x", "y"]}),
    "an event and a link": span(
        CALL, events=[event("gen_ai.usage", {"input_tokens": 5})], links=[{"traceId": TRACE, "spanId": SPAN}]
    ),
    "other letters": span(CALL | {"tenant_id": "Müller & Söhne"}),
    "text with a backslash that nobody reads": span(CALL | {"acme.note": 'say "no"\n'}),
    "nothing": span({}),
}


@pytest.mark.parametrize("case", ORDINARY)
def test_ordinary_lines_are_read_by_the_kernel(readers: Readers, tmp_path: Path, case: str) -> None:
    path = tmp_path / "traces.json"
    path.write_bytes(lines(message(ORDINARY[case]), message(ORDINARY[case], ORDINARY[case])))
    (block,) = read_blocks(path, "x")
    assert readers[0].columns is not None
    table, left = readers[0].columns.of(block, 0)
    assert left == []
    assert table is not None
    assert table["line"].to_pylist() == [1, 2, 2]


def hard(case: str) -> Iterator[bytes]:
    """Files that are dear for one that walks them carelessly."""
    if case == "100,000 attributes of one span":
        yield lines(message(span(CALL | {f"acme.{n}": n for n in range(100_000)} | WORK)))
    elif case == "100,000 attributes with one name":
        one = message(span(CALL))
        one["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] += [
            attribute("tenant_id", str(n)) for n in range(100_000)
        ]
        yield lines(one)
    elif case == "10,000 spans of one line":
        yield lines(message(*(span(CALL | WORK, spanId=f"{n:016x}") for n in range(1, 10_001))))
    elif case == "20,000 backslashes":
        yield chat(*(CALL | {"tenant_id": '"' * 200} for _ in range(100)))
    else:
        yield lines(message(span(CALL, events=[event("gen_ai.usage", {"input_tokens": n}) for n in range(20_000)])))


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        *("100,000 attributes of one span", "100,000 attributes with one name", "10,000 spans of one line"),
        *("20,000 backslashes", "20,000 events"),
    ],
)
def test_hard_files_give_the_same_rows(readers: Readers, tmp_path: Path, case: str) -> None:
    path = tmp_path / "traces.json"
    path.write_bytes(b"".join(hard(case)))
    both, general = readers
    assert read(both, path) == read(general, path)
