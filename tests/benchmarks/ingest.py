"""Reading traces: ``Source.fetch`` and ``Lake.ensure_fresh`` of ``otlp`` over files as a Collector writes them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.ingest.landing import Landing
from reconcilers.ingest.normalise import Lake
from reconcilers.periods import Period
from reconcilers.sources import registry
from tests.benchmarks.company import START
from tests.benchmarks.measuring import Figures, Row, at_least, bytes_of, measured, middle
from tests.benchmarks.yardsticks import orjson

#: When files are landed; what is known at which time is no matter here.
AS_OF = datetime(2026, 11, 1)


def write_spans(path: Path, megabytes: int) -> int:
    """OTLP/JSON lines of one span of about 2 KB each, as a Collector writes an agent's calls. Returns the spans."""
    spans = 0
    with path.open("wb") as out:
        while out.tell() < megabytes * 1_000_000:
            out.write(json.dumps(_message(spans), separators=(",", ":")).encode() + b"\n")
            spans += 1
    return spans


def _message(number: int) -> Figures:
    end = int(datetime(2026, 9, 1, 8, tzinfo=UTC).timestamp()) * 10**9 + number * 10**6
    texts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.response.model": "gpt-5-mini-2026-08-07",
        "gen_ai.response.id": f"chatcmpl-{number:024d}",
        "gen_ai.conversation.id": f"conversation-{number // 10}",
        "gen_ai.agent.name": "triage",
        "event_id": f"event-{number // 10}",
        "run_id": f"run-{number // 5}",
        "tenant.id": f"tenant-{number % 50}",
        "feature.id": f"feature-{number % 5}",
        "deployment.environment.name": "production",
        "server.address": "api.openai.com",
        "openai.response.service_tier": "default",
        "prompt.version": "2026-08-30",
        "app.note": "lorem ipsum dolor sit amet " * 10,
    }
    counts = {
        "gen_ai.usage.input_tokens": 500 + number % 4000,
        "gen_ai.usage.cache_read.input_tokens": number % 400,
        "gen_ai.usage.output_tokens": 20 + number % 900,
        "server.port": 443,
    }
    resource_texts = {
        "service.name": "support-agent",
        "service.version": "4.11.0",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": "1.40.0",
        "host.name": f"worker-{number % 7}",
    }
    span = {
        "traceId": f"{number // 10:032x}",
        "spanId": f"{number + 1:016x}",
        "parentSpanId": "",
        "name": "chat gpt-5-mini",
        "kind": 3,
        "startTimeUnixNano": str(end - 2 * 10**9),
        "endTimeUnixNano": str(end),
        "attributes": [{"key": key, "value": {"stringValue": text}} for key, text in texts.items()]
        + [{"key": key, "value": {"intValue": str(count)}} for key, count in counts.items()],
        "status": {"code": 1},
    }
    scope = {"name": "opentelemetry.instrumentation.openai_v2", "version": "2.3b0"}
    attributes = [{"key": key, "value": {"stringValue": text}} for key, text in resource_texts.items()]
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes}, "scopeSpans": [{"scope": scope, "spans": [span]}]},
        ]
    }


def ingest(folder: Path, spans: Path) -> Figures:
    """The real ingest of one file: land its bytes, then write its lake rows. In CPU seconds, of all threads."""
    config = {"name": "traces", "kind": "otlp", "uri": str(spans.parent), "pattern": spans.name}
    source = registry.load("telemetry", config)
    landing, lake = Landing(folder / "landing"), Lake(folder / "lake")
    _start_reader(folder / "start", spans)
    started = process_time()
    pull = landing.pull(source.name, source.kind, spans.name)
    source.fetch(spans.name, pull)
    landed_at = process_time()
    content = lake.ensure_fresh(source, landing.prepare(pull, AS_OF))
    ended = process_time()
    return {"seconds": ended - started, "normalise": ended - landed_at, "rows": content.rows["calls"]}


def _start_reader(folder: Path, spans: Path) -> None:
    """A few lines first, so that imports and the compiler's start, once a process, are not the reader's speed."""
    folder.mkdir(parents=True)
    with spans.open("rb") as lines:
        (folder / "few.jsonl").write_bytes(lines.read(3_000_000).rpartition(b"\n")[0] + b"\n")
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": str(folder), "pattern": "few.jsonl"})
    landing = Landing(folder / "landing")
    pull = landing.pull(source.name, source.kind, "few.jsonl")
    source.fetch("few.jsonl", pull)
    Lake(folder / "lake").ensure(source, landing.commit(pull, AS_OF)[0])


def land_files(home: Path, folder: Path, cores: int) -> Figures:
    """The real landing of a folder of files, as the nightly job does it, by a process that has so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    _start_reader(home / "start", next(folder.iterdir()))
    telemetry = [{"name": "traces", "kind": "otlp", "uri": str(folder)}]
    settings = Settings.model_validate({"home": home, "telemetry": telemetry})
    started = perf_counter()
    report = pipeline.land(settings, "traces", Period.of_day(START), AS_OF)
    assert not report.failures, report.failures
    return {"seconds": perf_counter() - started, "rows": report.rows["calls"]}


def rows(work: Path, megabytes: int, repeats: int) -> Iterator[Row]:
    """The rows of a file of so many megabytes, and of four files that are together as large."""
    spans = work / "spans" / "traces.jsonl"
    spans.parent.mkdir(parents=True)
    write_spans(spans, megabytes)
    read, decoded = [], []
    for number in range(repeats):
        read.append(measured(ingest, work / f"ingest-{number}", spans))
        decoded.append(measured(orjson, spans))
    took, yardstick, size = middle(read), middle(decoded)["seconds"], bytes_of(spans) / 1e6
    yield Row("traces, OTLP/JSON, by one core")
    yield Row("  orjson decodes the same bytes", f"{size / yardstick:.0f} MB/s", runs=repeats)
    for what, seconds, least in (("normalise", took["normalise"], 1), ("land and normalise", took["seconds"], 0.8)):
        ratio = yardstick / seconds
        goal = at_least(least, ratio)
        yield Row(f"  {what}", f"{size / seconds:.0f} MB/s", f"{ratio:.2f}× orjson", goal, repeats, took["peak"])
    yield from _cores(work, bytes_of(spans), repeats)


def _cores(work: Path, size: int, repeats: int) -> Iterator[Row]:
    files = work / "files"
    files.mkdir()
    write_spans(files / "traces-0.jsonl", max(size // 4_000_000, 1))
    for number in range(1, 4):
        os.link(files / "traces-0.jsonl", files / f"traces-{number}.jsonl")
    cores = len(os.sched_getaffinity(0))
    runs: dict[int, list[Figures]] = {1: [], cores: []}
    for number in range(repeats):
        for count, done in runs.items():
            done.append(measured(land_files, work / f"landed-{number}-{count}", files, count))
    one, took = middle(runs[1])["seconds"], middle(runs[cores])
    speed, ratio = f"{bytes_of(files) / 1e6 / took['seconds']:.0f} MB/s", one / took["seconds"]
    goal = at_least(1.8, ratio) if cores == 2 else None
    yield Row(f"  four files by {cores} cores", speed, f"{ratio:.2f}× one core", goal, repeats, took["peak"])
