"""A source whose code fails, or whose mapping no longer reads what was landed, stops itself only, and says so (R33)."""

from __future__ import annotations

import errno
import shutil
import sys
from datetime import date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from reconcilers import pipeline
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.ingest.landing import Landing, Refused
from reconcilers.known import Known, known
from reconcilers.periods import Period
from reconcilers.sources import billing
from tests.hostile.inputs import bills

DAY, MONDAY, TUESDAY = Period.of_day(date(2026, 9, 5)), datetime(2026, 9, 7, 6), datetime(2026, 9, 8, 6)
#: A source as a contributor may write one. It fails where its file of the day says so.
BROKEN = """
from reconcilers.sources.billing.focus_file import FocusFile


class Broken(FocusFile):
    kind = "broken"

    def units(self, period):
        self.fail("units", "any")
        return super().units(period)

    def answered(self, period, units):
        self.fail("answered", "any")
        return super().answered(period, units)

    def fetch(self, unit, pull):
        self.fail("fetch", unit)
        super().fetch(unit, pull)

    def normalise(self, landed):
        yield from super().normalise(landed)
        self.fail("normalise", landed.unit)

    def fail(self, step, unit):
        from pathlib import Path

        told = Path(self.config.uri, "fail").read_text().split()
        if told[:2] == [step, unit]:
            raise eval(told[2])
"""
FAILS = BROKEN[: BROKEN.index("raise eval")].count("\n") + 1
KINDS = {"broken": "broken", "good": "focus_file"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A company with a source of two bills beside a good one."""
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "broken.py").write_text(BROKEN)
    monkeypatch.setattr(billing, "__path__", [*billing.__path__, str(tmp_path / "kinds")])
    monkeypatch.delitem(sys.modules, "reconcilers.sources.billing.broken", raising=False)
    for name in ("broken/a.csv", "broken/b.csv", "good/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bills.GOOD)
    company = {"billing": [{"name": name, "kind": kind, "uri": name} for name, kind in KINDS.items()]}
    (tmp_path / "reconcile.yaml").write_text(yaml.safe_dump(company))
    return read_settings(tmp_path / "reconcile.yaml")


def land(settings: Settings, fails: str, as_of: datetime = MONDAY) -> dict[str, pipeline.LandingReport]:
    (settings.path("broken") / "fail").write_text(fails)
    return {name: pipeline.land(settings, name, DAY, as_of) for name in KINDS}


def units_of(settings: Settings, as_of: datetime = MONDAY) -> list[tuple[str, str]]:
    return [(one.source, one.unit) for one in Landing(settings.landing).known(as_of)]


@pytest.mark.parametrize("step", ["fetch", "normalise"])
@pytest.mark.parametrize(
    "error", ["KeyError('secret')", "RecursionError()", "AssertionError()", "UnicodeDecodeError('utf-8',b'',0,1,'')"]
)
def test_a_failure_refuses_its_unit_and_no_other(settings: Settings, step: str, error: str) -> None:
    reports = land(settings, f"{step} a.csv {error}")
    assert units_of(settings) == [("broken", "b.csv"), ("good", "c.csv")]
    (failure,) = reports["broken"].failures
    assert failure.startswith("source broken, period a.csv: our own code failed with " + error.partition("(")[0])
    assert f"in line {FAILS} of reconcilers.sources.billing.broken" in failure
    assert "report this line" in failure
    # The error's own text may quote what was read.
    assert "secret" not in failure
    ((refused),) = Landing(settings.landing).refused(MONDAY)
    assert (refused.unit, refused.problem in failure) == ("a.csv", True)
    assert not reports["good"].failures


@pytest.mark.parametrize("step", ["units", "answered"])
def test_a_failure_of_a_listing_is_the_source_s_alone(settings: Settings, step: str) -> None:
    reports = land(settings, f"{step} any KeyError('secret')")
    assert f"our own code failed with KeyError in line {FAILS} of" in reports["broken"].failures[0]
    assert [one.unit for one in Landing(settings.landing).refused(MONDAY)] == ["(listing)"]
    assert ("good", "c.csv") in units_of(settings)


def test_it_is_refused_no_more_once_it_is_taken(settings: Settings) -> None:
    land(settings, "normalise a.csv KeyError()")
    reports = land(settings, "nothing fails now", TUESDAY)
    assert not reports["broken"].failures
    assert not Landing(settings.landing).refused(TUESDAY)


@pytest.mark.parametrize(
    "error",
    ["KeyboardInterrupt()", "SystemExit(1)", "MemoryError()", f"OSError({errno.ENOSPC},os.strerror({errno.ENOSPC}))"],
)
def test_what_is_of_the_machine_or_of_the_person_passes(settings: Settings, error: str) -> None:
    error = error.replace("os.strerror", "__import__('os').strerror")
    with pytest.raises((KeyboardInterrupt, SystemExit, MemoryError, OSError)):
        land(settings, f"normalise a.csv {error}")
    assert units_of(settings) == []


def remap(settings: Settings, unit: str) -> Settings:
    """The company with a mapping of that unit of time for its table of calls."""
    columns = {
        "record_id": "id",
        "ended_at": {"column": "ts", "time": unit},
        "provider": {"constant": "x"},
        "model": "m",
    }
    calls = {
        "name": "calls",
        "kind": "mapped",
        "uri": "calls",
        "format": "ndjson",
        "entity": "calls",
        "columns": columns,
    }
    company = yaml.safe_load(settings.file.read_text()) | {"telemetry": [calls]}
    settings.file.write_text(yaml.safe_dump(company))
    return read_settings(settings.file)


@pytest.fixture
def remapped(settings: Settings) -> Settings:
    """Calls were landed by a mapping that fits; the one of today does not."""
    settings.path("calls").mkdir()
    (settings.path("calls") / "day.ndjson").write_text('{"id": "a", "ts": 1788600000000, "m": "m1"}\n')
    settings = remap(settings, "epoch_ms")
    land(settings, "nothing fails")
    pipeline.land(settings, "calls", DAY, MONDAY)
    assert known(settings, MONDAY).files["calls"]
    return remap(settings, "epoch_s")


def rejections(told: Known) -> list[tuple[str, str, str]]:
    return [(row["source"], row["unit"], row["problem"]) for row in told.knowledge["rejections"].to_pylist()]


def test_what_today_s_mapping_refuses_keeps_its_last_reading_and_says_so(remapped: Settings) -> None:
    told = known(remapped, TUESDAY)
    (calls,) = told.files["calls"]
    assert pq.read_table(calls)["record_id"].to_pylist() == ["a"]
    ((source, unit, problem),) = rejections(told)
    assert (source, unit) == ("calls", "day.ndjson")
    assert "landed before and not read as configured now" in problem
    assert "line 1: column ended_at (from ts): '1788600000000' is no time in seconds" in problem
    assert problem.endswith("its last good reading counts")
    assert len(told.files["charges"]) == 3


def test_without_a_reading_nothing_of_it_counts_and_the_others_go_on(remapped: Settings) -> None:
    shutil.rmtree(remapped.lake)
    told = known(remapped, TUESDAY)
    assert "calls" not in told.files
    assert len(told.files["charges"]) == 3
    ((_, _, problem),) = rejections(told)
    assert problem.endswith("no earlier reading is kept, so nothing of it counts")


def test_a_reading_of_another_shape_is_none(remapped: Settings) -> None:
    (calls,) = known(remapped, TUESDAY).files["calls"]
    pq.write_table(pq.read_table(calls).drop_columns(["model"]), calls)
    assert "calls" not in known(remapped, TUESDAY).files


def test_a_reading_half_written_is_none(remapped: Settings) -> None:
    (calls,) = known(remapped, TUESDAY).files["calls"]
    calls.parent.rename(calls.parent.with_suffix(".4711.tmp"))
    assert "calls" not in known(remapped, TUESDAY).files


def test_refused_when_landed_is_told_once(remapped: Settings) -> None:
    assert pipeline.land(remapped, "calls", DAY, TUESDAY).failures
    ((_, _, problem),) = rejections(known(remapped, TUESDAY))
    assert "landed before" not in problem
    assert Landing(remapped.landing).refused(TUESDAY) == [
        Refused("calls", "day.ndjson", problem, str(DAY.start), str(DAY.start))
    ]


def test_the_right_mapping_reads_it_again(remapped: Settings) -> None:
    assert rejections(known(remap(remapped, "epoch_ms"), TUESDAY)) == []


def test_what_is_read_anew_is_told_as_it_goes(remapped: Settings) -> None:
    """After a release that reads otherwise that is all that ever landed."""
    heard: list[tuple[int, int, str]] = []
    remapped = remap(remapped, "epoch_ms")
    known(remapped, TUESDAY, progress=lambda *told: heard.append(told))
    assert heard == []
    shutil.rmtree(remapped.lake)
    known(remapped, TUESDAY, progress=lambda *told: heard.append(told))
    assert [(total, name) for _, total, name in heard if "calls" in name] == [(4, "read calls day.ndjson")]
    assert [done for done, *_ in heard] == [0, 1, 2, 3]
