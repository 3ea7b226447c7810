"""The benchmark runs: what it calls of the job is what the job is today."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks import bench, company


def test_a_build_is_measured(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    company.write_lake(lake, 300, 3)
    found = bench.build(tmp_path / "home", lake)
    assert 0 < found["resolution"] < found["models"] < found["seconds"]
    assert found["tests"] > 0
