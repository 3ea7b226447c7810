"""The benchmark runs: what it calls of the job is what the job is today."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests import AT_LENGTH
from tests.benchmarks import bench, bills, builds, company, ingest, nights
from tests.benchmarks.measuring import Failed, Figures, Row, at_least, at_most, measured, middle
from tests.benchmarks.yardsticks import copied, shared_in_polars

at_length = pytest.mark.skipif(not AT_LENGTH, reason="make long: minutes of whole builds, dbt's start with each")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("company")


@pytest.fixture(scope="module")
def found(work: Path) -> list[Row | str]:
    """What the benchmark says of a company of 3,000 calls, whose second day is restated."""
    return list(builds.rows(work, 3000, 3, 1, polars=True))


def row(found: list[Row | str], what: str) -> Row:
    return next(row for row in found if isinstance(row, Row) and row.what.strip() == what)


@at_length
def test_a_company_is_measured(found: list[Row | str], work: Path) -> None:
    floor = float(row(found, "floor: scan, sum by event").figure.removesuffix(" s"))
    assert 0 < floor < float(row(found, "full build, models").figure.removesuffix(" s"))
    assert float(row(found, "full build, audits").figure.removesuffix(" s")) > 0
    assert row(found, "both").ratio.startswith("1/")
    written = row(found, "written by a full build").goal
    assert written is not None
    assert not written.reached
    assert len([*(work / "lake").glob("metered_calls-*.parquet")]) == 3
    below = "\n".join(line for line in found if isinstance(line, str))
    assert below.count("×)") == 2 * 12


def test_what_took_longest_is_told_by_folder() -> None:
    models = {"int_calls": 1.0, "fct_breaks": 0.5, "resolution": 0.3, "int_usages": 2.0}
    assert builds.by_folder(models) == {"telemetry": 3.0, "marts": 0.5, "resolution": 0.3}
    assert builds.longest(models, 0.5, 2) == "  int_usages 2.0 (4.0×), int_calls 1.0 (2.0×)"


@at_length
@pytest.mark.usefixtures("found")
def test_polars_shares_as_the_build_does(work: Path, tmp_path: Path) -> None:
    """Of the days that were not restated: of that one the bill tells more than calls do, which is not shared alike."""
    for path in {path.name: path for lake in ("lake", "restated-0") for path in (work / lake).iterdir()}.values():
        os.link(path, tmp_path / path.name)
    plain = dict(shared_in_polars(tmp_path).iter_rows())
    kept_days = (
        "select event_id, cast(reconciled_cost as double) from finance.fct_cost_per_outcome where event_day <> ?"
    )
    with duckdb.connect(str(work / "home" / "store" / "reconciled.duckdb"), read_only=True) as store:
        ours = dict(store.execute(kept_days, ["2026-09-02"]).fetchall())
    assert len(ours) == 200
    assert ours == pytest.approx({event: plain[event] for event in ours}, abs=1e-7)
    assert min(ours.values()) > 0


def ask(sql: str) -> list[Any]:
    return duckdb.connect().execute(sql).fetchall()


@at_length
@pytest.mark.usefixtures("found")
def test_a_day_is_told_anew(work: Path) -> None:
    for folder, calls in (("lake", 1000), ("restated-0", 999)):
        for entity in ("calls", "metered_calls"):
            assert ask(f"select count(*) from '{work}/{folder}/{entity}-2026-09-02.parquet'") == [(calls,)]
    dearer = f"""
        select new.landing_line from '{work}/lake/charges-2026-09-02.parquet' as old
        join '{work}/restated-0/charges-2026-09-02.parquet' as new using (charge_id)
        where new.effective_cost - old.effective_cost = cast('0.01' as decimal(38, 9))
            and new.billed_cost_text = cast(new.billed_cost as varchar)"""
    assert ask(dearer) == [(1,)]


def test_a_file_of_many_calls_is_read_in_parts(tmp_path: Path) -> None:
    assert company.write_lake(tmp_path, 100, 1)[0] == 100
    assert company.write_metered(tmp_path / "calls-2026-09-01.parquet", at_once=40) > 0
    numbered = "select count(*), count(distinct landing_row), count(distinct call_high)"
    assert ask(f"{numbered} from '{tmp_path}/metered_calls-2026-09-01.parquet'") == [(100, 100, 100)]
    twice = f"select context from '{tmp_path}/call_contexts-2026-09-01.parquet' group by 1 having count(*) > 1"
    assert ask(twice) == []


@pytest.mark.skipif(
    not AT_LENGTH, reason="make long: a minute, and what a run again costs is tested without figures, too"
)
def test_nights_are_measured(tmp_path: Path) -> None:
    found: list[Row | str] = [*nights.rows(tmp_path, 1)]
    took = {
        what: float(row(found, what).figure.removesuffix(" s")) for what in ("the next night", "run again that day")
    }
    # dbt is not started again that day.
    assert 0 < 2 * took["run again that day"] < took["the next night"]
    assert float(row(found, "one bare dbt start").figure.removesuffix(" s")) > 0


def test_ingest_is_measured(tmp_path: Path) -> None:
    spans = tmp_path / "spans" / "traces.jsonl"
    spans.parent.mkdir()
    written = ingest.write_spans(spans, 1)
    found = measured(ingest.ingest, tmp_path / "ingest", spans)
    assert found["rows"] == written
    assert 0 < found["normalise"] < found["seconds"]
    assert measured(ingest.land_files, tmp_path / "home", spans.parent, 1)["rows"] == written


@pytest.mark.parametrize("kind", bills.BILLS)
@pytest.mark.parametrize("form", bills.FORMS)
def test_bills_are_measured(tmp_path: Path, kind: str, form: str) -> None:
    bill, written = bills.write_bill(tmp_path / "bill", kind, 1, form)
    found = measured(bills.load, tmp_path / "home", kind, bill)
    assert (found["rows"], found["seconds"] > 0) == (written, True)
    assert measured(copied, bill)["seconds"] > 0
    assert ask(f"select count(*) from read_parquet('{bill}.copy')") == [(written,)]


def test_the_table_says_what_is_aimed_at(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "ingest", "--megabytes", "1", "--repeats", "1"])
    assert bench.main() == 0
    said = capsys.readouterr().out
    assert "cores" in said
    for goal in ("≥ 1×", "≥ 0.8×"):
        assert goal in said


def holding(megabytes: int) -> Figures:
    held = bytearray(megabytes * 1_000_000)
    return {"held": len(held)}


def broken() -> Figures:
    raise ValueError("no such lake")


def killed() -> Figures:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def test_memory_is_a_jobs_own() -> None:
    held = bytearray(600_000_000)
    assert measured(holding, 300)["peak"] - measured(holding, 0)["peak"] == pytest.approx(0.3, abs=0.03)
    assert measured(holding, 0)["peak"] < len(held) / 1e9


@pytest.mark.parametrize(("job", "said"), [(broken, "ValueError: no such lake"), (killed, "was killed")])
def test_a_job_that_fails_says_so(job: Callable[[], Figures], said: str) -> None:
    with pytest.raises(Failed, match=said):
        measured(job)


def test_figures_are_medians_and_peaks_the_most() -> None:
    runs = [{"seconds": s, "peak": p, "by": {"a": s}} for s, p in ((1.0, 3.0), (9.0, 1.0), (2.0, 2.0))]
    assert middle(runs) == {"seconds": 2.0, "peak": 3.0, "by": {"a": 2.0}}
    assert at_most(12, 12).reached
    assert not at_most(12, 12.1).reached
    assert at_least(20, 20).reached
    assert not at_least(20, 19.9, "≤ 1/{:g}").reached
    assert at_least(20, 19.9, "≤ 1/{:g}").text == "≤ 1/20"
