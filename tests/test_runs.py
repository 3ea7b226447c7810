"""The ledger of runs: those that end, those that are refused, those that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest

from reconcilers.errors import DoesNotReconcile, SourceUnavailable
from reconcilers.periods import Period
from reconcilers.runs import FAILED, IN_PART, PUBLISHED, REFUSED, RUNNING, UNFINISHED, Ledger

DAYS, AS_OF = Period(date(2026, 9, 1), date(2026, 10, 1)), datetime(2026, 10, 2, 6)
#: A process that works on a run until it is killed.
WORKING = """
import sys, time
from pathlib import Path
from reconcilers.runs import Ledger
with Ledger(Path(sys.argv[1])).working("killed"):
    print("working", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def test_a_run_that_publishes(ledger: Ledger) -> None:
    ledger.begin("one", "run", DAYS, AS_OF, "the auditor asked")
    with ledger.working("one") as entry:
        entry.published("version 7", in_part=False, built=True, money=[("USD", "12.50", "12.50")])
    (run,) = ledger.runs()
    assert (run.result, run.version, run.built, run.error) == (PUBLISHED, "version 7", True, None)
    assert (run.period, run.as_of, run.reason) == (
        "2026-09-01 to 2026-09-30",
        "2026-10-02T06:00:00",
        "the auditor asked",
    )
    assert (run.billed, run.carried) == ({"USD": "12.50"}, {"USD": "12.50"})
    assert run.ended_at is not None
    assert run.started_at <= run.ended_at


def test_errors_end_a_run_and_are_raised_on(ledger: Ledger) -> None:
    for number, error in enumerate(
        (DoesNotReconcile("0.01 is missing"), SourceUnavailable("gone"), KeyboardInterrupt())
    ):
        ledger.begin(f"{number}", "run", DAYS, AS_OF)
        with pytest.raises(type(error)), ledger.working(f"{number}"):
            raise error
    told = [(run.result, run.error) for run in reversed(ledger.runs())]
    assert told == [
        (REFUSED, "DoesNotReconcile: 0.01 is missing"),
        (FAILED, "SourceUnavailable: gone"),
        (FAILED, "KeyboardInterrupt"),
    ]


def test_a_task_tried_again_goes_on_with_its_row(ledger: Ledger) -> None:
    ledger.begin("airflow", "nightly_reconciliation", DAYS, AS_OF)
    with pytest.raises(SourceUnavailable), ledger.working("airflow"):
        raise SourceUnavailable("not now")
    before = ledger.runs()[0]
    ledger.begin("airflow", "nightly_reconciliation", DAYS, AS_OF)
    with ledger.working("airflow") as entry:
        assert ledger.runs()[0].result == RUNNING
        entry.published("version 8", in_part=True, built=False)
    (run,) = ledger.runs()
    assert (run.started_at, run.result, run.error, run.built) == (before.started_at, IN_PART, None, False)


def test_a_killed_run_is_a_row_without_an_end(ledger: Ledger, tmp_path: Path) -> None:
    ledger.begin("killed", "run", DAYS, AS_OF)
    with subprocess.Popen([sys.executable, "-c", WORKING, tmp_path], stdout=subprocess.PIPE, text=True) as working:
        assert working.stdout is not None
        assert working.stdout.readline() == "working\n"
        assert ledger.runs()[0].result == RUNNING
        os.kill(working.pid, signal.SIGKILL)
    (run,) = ledger.runs()
    assert (run.result, run.ended_at) == (UNFINISHED, None)


def test_the_newest_come_first_and_files_of_others_are_passed_over(ledger: Ledger) -> None:
    assert ledger.runs() == []
    for name in ("a", "b", "c"):
        ledger.begin(name, "run", DAYS, AS_OF)
    (ledger.folder / "notes.json").write_text("mine")
    (ledger.folder / ".DS_Store").write_bytes(b"\0")
    assert [run.run_id for run in ledger.runs()] == ["c", "b", "a"]
    assert [run.run_id for run in ledger.runs(2)] == ["c", "b"]
