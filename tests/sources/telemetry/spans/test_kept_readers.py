"""A reader that has read one file reads others, and says of each what it would say alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconcilers.sources.telemetry.spans import query
from reconcilers.sources.telemetry.spans.query import Spans, reader
from tests.sources.telemetry.conftest import Job
from tests.sources.telemetry.written import CALL, chat

COUNTS = CALL | {"gen_ai.usage.input_tokens": 500, "gen_ai.usage.cache_read.input_tokens": 100}
#: By an emitter that the table knows, and by one that nobody knows, whose spans have other attributes.
KNOWN = chat(COUNTS, COUNTS, scope="opentelemetry.instrumentation.genai.openai")
UNKNOWN = chat(COUNTS | {"tenant_id": " ten-1 ", "prompt.version": "v3"})


def make() -> Spans:
    return Spans([], {})


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Spans]]]:
    """The readers that nobody uses: none but those of the test."""
    found: list[tuple[str, Spans]] = []
    monkeypatch.setattr(query, "_idle", found)
    yield found
    for _, spans in found:
        spans.close()


@pytest.mark.parametrize("most", [1, 50])
def test_what_was_read_before_changes_nothing(
    job: Job, idle: list[tuple[str, Spans]], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(query, "_MOST_QUERIES", most)
    files = {"unknown": UNKNOWN, "known": KNOWN, "unknown again": UNKNOWN, "known again": KNOWN}
    decided = [
        [(call["landing_id"] == taken.landed.landing_id, call["token_semantics_by"], call["tenant_id"])]
        for name, content in files.items()
        for taken in [job.take(content, f"{name}.json")]
        for call in taken.calls[:1]
    ]
    table, convention = [(True, "table", None)], [(True, "convention", "ten-1")]
    assert decided == [convention, table, convention, table]
    ((_, spans),) = idle
    assert len(spans.queries) == min(most, 2)


def test_a_query_is_planned_once_for_spans_of_one_shape(job: Job, idle: list[tuple[str, Spans]]) -> None:
    for number in range(2):
        job.take(KNOWN, f"{number}.json")
    ((_, spans),) = idle
    assert len(spans.queries) == 1


def test_nobody_shares_a_reader(idle: list[tuple[str, Spans]]) -> None:
    with reader("traces", make) as one, reader("traces", make) as two, reader("others", make) as other:
        assert len({id(one), id(two), id(other)}) == 3
    with reader("traces", make) as again:
        assert again in (one, two)
    assert len(idle) == 3


def test_a_reader_that_failed_is_not_used_again(idle: list[tuple[str, Spans]]) -> None:
    with pytest.raises(ZeroDivisionError), reader("traces", make):
        raise ZeroDivisionError
    assert idle == []


def test_no_more_readers_are_kept_than_files_are_read_at_a_time(
    idle: list[tuple[str, Spans]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "_MOST_IDLE", 1)
    for reads in ("traces", "others"):
        with reader(reads, make):
            pass
    assert [reads for reads, _ in idle] == ["others"]
