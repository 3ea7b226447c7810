"""Trace files in every packing: lines, units, redelivery."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import pytest

from reconcilers.errors import SourceRejected
from reconcilers.sources import registry
from tests.sources.telemetry.conftest import DAY, Job, same
from tests.sources.telemetry.written import (
    CALL,
    GENERATIONS,
    PACKINGS,
    WORK,
    chat,
    gzipped,
    lines,
    message,
    run_span,
    span,
    zstandard_file,
)

SEVERAL = chat(*(WORK | GENERATIONS[name] for name in GENERATIONS)) + lines(message(run_span("run-9", "success")))


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_gives_the_same_rows(job: Job, packing: str) -> None:
    expected = job.take(SEVERAL)
    assert {entity: len(rows) for entity, rows in expected.rows.items()} == {"calls": 5, "runs": 1}
    packed = PACKINGS[packing](SEVERAL)
    taken = job.take(packed, f"traces.{packing}")
    assert same(taken.rows) == same(expected.rows)
    # What was received is landed to the byte.
    assert taken.stored == packed


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_cited_line_is_the_message_in_any_packing(job: Job, packing: str) -> None:
    name = f"traces.{packing}"
    taken = job.take(PACKINGS[packing](chat(CALL) + chat(CALL | {"tenant_id": "ten-9"})), name)
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": str(job.folder)})
    (item,) = taken.landed.objects
    path = taken.landed.path(item)
    assert json.loads(source.cited(path, name, 2)) == json.loads(chat(CALL | {"tenant_id": "ten-9"}))
    with pytest.raises(SourceRejected, match="no line 3"):
        source.cited(path, name, 3)


def test_several_members_of_gzip_and_frames_of_zstd_are_one_file(job: Job) -> None:
    first, second = chat(CALL), chat(CALL, CALL)
    for pack in (gzipped, zstandard_file):
        assert [c["landing_line"] for c in job.take(pack(first) + pack(second)).calls] == [1, 2, 3]


def test_one_document_over_several_lines(job: Job) -> None:
    document = message(span(CALL | {"gen_ai.usage.cost": 0.5, "tenant_id": "a\nb"}), span(CALL, spanId="c" * 16))
    taken = job.take(json.dumps(document, indent=2).encode())
    assert [(c["landing_line"], c["reported_cost"], c["tenant_id"]) for c in taken.calls] == [
        (1, Decimal("0.5"), "a\nb"),
        (1, None, None),
    ]


def test_landing_lines_count_the_lines_of_the_stored_file(job: Job) -> None:
    content = b"\xef\xbb\xbf" + chat(CALL) + b"\n \n" + chat(CALL | {"tenant_id": "ten-9"}) + b"\r\n" + chat(CALL)[:-1]
    taken = job.take(content)
    assert [call["landing_line"] for call in taken.calls] == [1, 4, 6]
    assert b"ten-9" in taken.stored.split(b"\n")[4 - 1]


def test_spans_are_in_the_order_of_their_lines_over_several_batches(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconcilers.sources.telemetry.spans.files._CHUNK_BYTES", 2000)
    monkeypatch.setattr("reconcilers.sources.telemetry.spans.files._BATCH_BYTES", 9000)
    calls = job.take(chat(*(CALL | {"tenant_id": f"ten-{n}"} for n in range(1, 101)))).calls
    assert [(call["landing_line"], call["tenant_id"]) for call in calls] == [(n, f"ten-{n}") for n in range(1, 101)]


@pytest.mark.parametrize(
    "content", [b"", b"\n", b" \n\n", b"{}\n", b'{"resourceSpans":[]}', gzipped(b""), lines(message())]
)
def test_an_empty_file_is_a_unit_without_spans(job: Job, content: bytes) -> None:
    taken = job.take(content)
    assert taken.rows == {}
    assert taken.news


@pytest.mark.parametrize("packing", PACKINGS)
def test_redelivery_is_no_news(job: Job, packing: str) -> None:
    content = PACKINGS[packing](chat(CALL | {"gen_ai.prompt": "hello"}))
    first = job.take(content)
    again = job.take(content, known_at=datetime(2026, 10, 9))
    assert (first.news, again.news) == (True, False)
    assert again.landed.landing_id == first.landed.landing_id
    assert len(job.landing.history("traces", "traces.json")) == 1
    assert job.take(PACKINGS[packing](chat(CALL, CALL)), known_at=datetime(2026, 10, 10)).news


def test_whose_a_call_is_its_span_says_and_no_folder(job: Job) -> None:
    """A Collector names the folder of a batch by the first resource in it."""
    unit = "tenant_id=ten-1/day=2026-10-01/traces_1.json"
    (job.folder / unit).parent.mkdir(parents=True)
    content = lines(message(span(CALL), resource={"tenant_id": "ten-1"}), message(span(CALL | {"tenant_id": "ten-2"})))
    assert [call["tenant_id"] for call in job.take(content + chat(CALL), unit).calls] == ["ten-1", "ten-2", None]


def test_units_are_the_files_of_the_pattern_and_days(job: Job) -> None:
    names = ["day=2026-09-30/traces_1.json", "day=2026-10-01/traces_1.json.gz", "day=2026-10-01/logs_1.json"]
    for name in (*names, "day=2026-08-01/traces_1.json"):
        (job.folder / name).parent.mkdir(exist_ok=True)
        (job.folder / name).write_bytes(b"{}")
    config = {"pattern": r".*/traces_.*\.json(\.gz)?", "partition": "day=%Y-%m-%d/", "late_days": 1}
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": str(job.folder)} | config)
    assert list(source.units(DAY)) == names[:2]
