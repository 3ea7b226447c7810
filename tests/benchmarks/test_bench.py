"""The benchmark runs: what it calls of the job is what the job is today."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks import bench, company


def test_calls_as_numbers_are_measured(tmp_path: Path) -> None:
    company.write_lake(tmp_path / "lake", 300, 3)
    found = bench.narrow(tmp_path / "lake", tmp_path / "narrow")
    assert found["calls"] == 300
    assert found["seconds"] > 0
    assert len([*(tmp_path / "narrow").glob("metered_calls-*.parquet")]) == 3


def test_a_build_is_measured(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    company.write_lake(lake, 300, 3)
    found = bench.build(tmp_path / "home", lake)
    assert 0 < found["resolution"] < found["models"] < found["seconds"]
    assert found["tests"] > 0


def test_ingest_is_measured(tmp_path: Path) -> None:
    spans = tmp_path / "spans" / "traces.jsonl"
    spans.parent.mkdir()
    written = bench.write_spans(spans, 1)
    found = bench.ingest(tmp_path / "ingest", spans)
    assert found["rows"] == written
    assert 0 < found["normalise"] < found["seconds"]
    assert bench.measured("land_files", tmp_path / "home", spans.parent, "1")["rows"] == written
