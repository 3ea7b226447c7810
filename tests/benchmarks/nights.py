"""A night in which nothing changed: the command as cron would call it, beside a bare start of dbt."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from tests.benchmarks.measuring import Figures, Row, at_most, measured, middle
from tests.benchmarks.yardsticks import bare_dbt
from tests.claims.scenarios.changing_company import PERIOD, Company

#: Every bill is final by then and every event spoken of or given up: the nights after it differ in nothing but time.
AS_OF = datetime(2026, 11, 1, 6)


def run(settings: Path, as_of: datetime) -> Figures:
    """``reconcile run`` over all the days of the company."""
    command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(settings)]
    command += ["--from", f"{PERIOD.start}", "--to", f"{PERIOD.end - timedelta(days=1)}", "--as-of", as_of.isoformat()]
    started = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"it ended with {done.returncode}: {done.stderr[-500:]}")
    return {"seconds": perf_counter() - started}


def rows(work: Path, repeats: int) -> Iterator[Row]:
    """The rows of nights over a company of CSV files, in three sources, after a first night that makes everything."""
    company = Company(work / "company")
    settings = company.write()
    file = company.folder / "reconcile.yaml"
    measured(run, file, AS_OF)
    # The yardstick has a store of its own and the parse saved there, so that the nights find theirs as a night left it.
    home, bare_home = settings.path(settings.home), work / "bare"
    for folder in ("store", "dbt"):
        shutil.copytree(home / folder, bare_home / folder)
    bare, nights, reruns = [], [], []
    for number in range(1, repeats + 1):
        night = AS_OF + timedelta(days=number)
        bare.append(measured(bare_dbt, bare_home, AS_OF))
        nights.append(measured(run, file, night))
        reruns.append(measured(run, file, night + timedelta(hours=5)))
    one_start = middle(bare)["seconds"]
    yield Row("a night in which nothing changed")
    yield Row("  one bare dbt start", f"{one_start:.1f} s", runs=repeats, peak=middle(bare)["peak"])
    for what, runs in (("the next night", nights), ("run again that day", reruns)):
        took = middle(runs)
        ratio = took["seconds"] / one_start
        yield Row(
            f"  {what}",
            f"{took['seconds']:.1f} s",
            f"{ratio:.2f}× bare dbt start",
            at_most(1.2, ratio),
            repeats,
            took["peak"],
        )
