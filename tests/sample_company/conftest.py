"""One written, served and reckoned sample company for all tests of this room."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from reconcilers.sample_company import sample, store
from reconcilers.sample_company.providers.server import Providers, serving
from reconcilers.sample_company.seen import knowledge, traces
from reconcilers.sample_company.store import GroundTruth
from reconcilers.sample_company.truth.answer import Truth
from tests.sample_company.company import END, EVENTS_PER_DAY, SEED, START


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "company"
    sample.make(SEED, START, END, EVENTS_PER_DAY, folder)
    return folder


@pytest.fixture(scope="module")
def truth(out: Path) -> GroundTruth:
    return store.load(out)


@pytest.fixture(scope="module")
def answer(out: Path, truth: GroundTruth) -> Truth:
    return sample.truth_at(out, knowledge.settled_at(truth))


@pytest.fixture(scope="module")
def providers(out: Path) -> Iterator[Providers]:
    with serving(out) as running:
        yield running


def messages(path: Path) -> Iterator[Any]:
    """Every message of a trace file, in any of the three packings."""
    content = path.read_bytes()
    if path.suffix == ".zst":
        while content:
            size = int.from_bytes(content[:4], "big")
            yield traces.of_protobuf(zstandard.ZstdDecompressor().decompress(content[4 : 4 + size]))
            content = content[4 + size :]
    else:
        lines = gzip.decompress(content) if path.suffix == ".gz" else content
        yield from map(json.loads, lines.splitlines())


@pytest.fixture(scope="module")
def spans(out: Path) -> dict[tuple[str, str], list[tuple[Path, dict[str, Any]]]]:
    """(trace, span) → every delivery: its file and the span, attributes as a plain object."""
    found: dict[tuple[str, str], list[tuple[Path, dict[str, Any]]]] = defaultdict(list)
    for path in sorted((out / "telemetry").rglob("*_traces_*")):
        for message in messages(path):
            for resource in message["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    for span in scope["spans"]:
                        told = {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}
                        span = span | {"attributes": told}
                        found[span["traceId"], span["spanId"]].append((path.relative_to(out), span))
    return found
