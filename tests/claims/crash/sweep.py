"""Kill a run at the points tracing finds, run it again, and compare with a run nobody disturbed.

``python -m tests.claims.crash.sweep FOLDER STEP…`` makes a company in FOLDER, finds the points of each STEP, kills at every one of
them (or fewer, by ``--thin`` and ``--points``) and prints one JSON line each. STEP is one of:

* ``land``: landing, and the resolution of what is told twice, killed; doing both again must leave what they leave undisturbed.
* ``publish``: publishing killed; publishing again must publish the same tables.
* ``run``: a whole run killed anywhere, dbt and the embedded database included; the whole run again must publish the same.
* ``build``: as ``run``, killed only while the warehouse's own files are written.
* ``states``: at every point of a whole run its files are copied, as a kill there would leave them, and the whole run again
  over each copy must publish the same. Equal copies count once; files no run reads (dbt's log, compiled SQL, manifest:
  whatever an undisturbed run was not seen opening) make no copies unequal. What ``land`` kills for real is left to it.

The company has a published version, and a bill corrected, a call more, one told twice, a trace file for the compiled reader and
an archive torn since. While ``publish``, ``run`` and ``build`` are killed and run again, a reader reads the current version over
and over: it must always find all of the old one or all of the new one. Nothing but forked children uses threads here, as the
process forks again.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import pickle
import re
import select
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

# Imported by the parent, so that a forked child need not: pyarrow imports most of these when first used.
import duckdb  # noqa: F401
import pandas  # noqa: F401
import pyarrow.parquet as pq

from reconcilers import pipeline
from reconcilers.configured import configured_sources, source_names
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.known import known
from reconcilers.periods import Period, parse_day
from reconcilers.sources.telemetry.spans import kernel  # noqa: F401  # where it is, trace files of any size are read by it
from reconcilers.warehouses.duckdb import Store
from tests.claims.crash.tracing import Point, Traced, Untraceable, trace
from tests.claims.published_tables import digest
from tests.claims.scenarios.company_of_examples import read_examples, write_company
from tests.sources.telemetry.written import CALL, chat

PERIOD = Period(parse_day("2026-09-01"), parse_day("2026-10-01"))
BEFORE, AFTER = datetime(2026, 10, 5), datetime(2026, 10, 6)
EXAMPLES = Path(__file__).parents[1] / "scenarios" / "rules_examples.yaml"
NAMES = ("E01", "E05", "E16")
#: Exit code where processes cannot be traced.
UNTRACEABLE = 3
#: What names of one kind differ in: content and landing ids, days, the number of a worked example.
_DIGESTS_AND_NUMBERS = re.compile(r"[0-9a-f]{8,}|\d")


class Child:
    """A call in a forked child and what it returns; what it raises is raised by ``result``."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                told: tuple[bool, object] = (True, call())
            except BaseException:
                told = (False, traceback.format_exc())
            with os.fdopen(writing, "wb") as out:
                pickle.dump(told, out)
            os._exit(0)
        os.close(writing)

    def result(self) -> Any:
        with os.fdopen(self.reading, "rb") as sent:
            well, told = pickle.load(sent)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        if not well:
            raise RuntimeError(told)
        return told


@dataclass
class Company:
    """A company on disk, its state before each step, and what each step must come to."""

    folder: Path
    before: str = ""
    after: str = ""
    landed_before: str = ""
    landed_after: str = ""
    settings: Settings = field(init=False)

    def prepare(self) -> None:
        """Publish a first version, change what the sources say, and keep the state before landing and publishing."""
        examples = read_examples(EXAMPLES)
        write_company(self.folder, {name: examples[name] for name in NAMES})
        self.settings = read_settings(self.folder / "reconcile.yaml").model_copy(update={"price_book": "none"})
        for _, source in configured_sources(self.settings):
            _ = source.recipe  # imports the source and hashes the code that reads it, once for all forked children
        Child(lambda: self.run(BEFORE)).result()
        # As many versions as are kept, so that the next publish removes one: that can be killed too.
        for _ in range(self.settings.keep_versions - 1):
            Child(lambda: self.publish(BEFORE)).result()
        self.before = Child(self.published_digest).result()
        self.landed_before = Child(lambda: self.landed(BEFORE)).result()
        self._change_sources()
        self.keep("land")
        Child(lambda: self.land(AFTER)).result()
        self.landed_after = Child(lambda: self.landed(AFTER)).result()
        Child(lambda: self.build(AFTER)).result()
        self.keep("publish")
        Child(lambda: self.publish(AFTER)).result()
        self.after = Child(self.published_digest).result()
        assert self.before != self.after, "a kill between equal versions would prove nothing"
        assert self.landed_before != self.landed_after

    def _change_sources(self) -> None:
        bill = self.folder / "bills" / "E01" / "bill.csv"
        header, line, *rest = bill.read_text().splitlines()
        bill.write_text("\n".join([header, ",".join(["12.34", "12.34", *line.split(",")[2:]]), *rest, ""]))
        calls = self.folder / "telemetry" / "calls.csv"
        *lines, last = calls.read_text().splitlines()
        calls.write_text("\n".join([*lines, last, last, last.replace("E16-", "E16-late-", 1), ""]))
        spans = [CALL | {"gen_ai.usage.input_tokens": number} for number in range(10)]
        (self.folder / "telemetry" / "spans.json").write_bytes(chat(*spans))
        torn = self.folder / "bills" / "E05" / "bill.csv"
        torn.write_text(torn.read_text().replace(",", ",NaN,", 3))

    @property
    def home(self) -> Path:
        return self.settings.path(self.settings.home)

    def keep(self, step: str) -> None:
        shutil.copytree(self.home, self.folder / f"before {step}", symlinks=True)

    def restore(self, step: str, part: str = "") -> None:
        shutil.rmtree(self.home / part)
        shutil.copytree(self.folder / f"before {step}" / part, self.home / part, symlinks=True)

    def land(self, as_of: datetime) -> list[pipeline.LandingReport]:
        reports = [pipeline.land_reference(self.settings, as_of)]
        return reports + [pipeline.land(self.settings, n, PERIOD, as_of) for n in source_names(self.settings)]

    def land_and_resolve(self, as_of: datetime) -> None:
        self.land(as_of)
        known(self.settings, as_of)

    def build(self, as_of: datetime) -> None:
        pipeline.build(self.settings, as_of)

    def publish(self, as_of: datetime, reports: list[pipeline.LandingReport] | None = None) -> None:
        pipeline.publish(self.settings, PERIOD, as_of, reports or [])

    def run(self, as_of: datetime) -> None:
        with pipeline.writing(self.settings):
            reports = self.land(as_of)
            self.build(as_of)
            self.publish(as_of, reports)

    def published_digest(self) -> str:
        current = Store(self.home).current()
        assert current is not None
        return digest(current)

    def landed(self, as_of: datetime) -> str:
        """A hash of everything a build at ``as_of`` would read: rows of every lake file, reference tables, refusals."""
        told = hashlib.sha256()
        everything = known(self.settings, as_of)
        for entity, paths in sorted(everything.files.items()):
            for path in paths:
                told.update(f"{entity} {path} {pq.read_table(path).to_pylist()}\n".encode())
        told.update(repr([(name, table.to_pylist()) for name, table in sorted(everything.reference.items())]).encode())
        told.update(repr(everything.knowledge).encode())
        return told.hexdigest()

    def state(self, read: set[str]) -> str:
        """A hash of names and contents of the files a run starts from; of what dbt wrote, those that a run reads."""
        told = hashlib.sha256()
        for path in sorted(self.home.rglob("*")):
            name = str(path.relative_to(self.home))
            if path.is_symlink():
                told.update(f"{name} -> {os.readlink(path)}\n".encode())
            elif path.is_file() and (not name.startswith("dbt/") or name in read):
                with path.open("rb") as content:
                    told.update(f"{name} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
        return told.hexdigest()

    def copied(self, folder: Path) -> Company:
        """The company as it is on disk now, in another folder."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("before *", "copy *"))
        copy = Company(folder, self.before, self.after, self.landed_before, self.landed_after)
        copy.settings = read_settings(folder / "reconcile.yaml").model_copy(update={"price_book": "none"})
        return copy

    def recovers(self) -> None:
        """A reader sees a whole version, the run again publishes what an undisturbed run publishes, and leaves no litter."""
        assert self.published_digest() in (self.before, self.after), "torn after the kill"
        self.run(AFTER)
        assert self.published_digest() == self.after, "running again gives other tables"
        assert not self.leftovers()

    def leftovers(self) -> list[str]:
        """What a killed publish may leave, and the next one takes away."""
        return [path.name for path in (self.home / "published").rglob("*.tmp")]


class Reader:
    """A reader that never stops opening the current version until it is told to."""

    def __init__(self, company: Company, pause_seconds: float) -> None:
        told, self.tell = os.pipe()
        self.child = Child(lambda: self._read(company, told, pause_seconds))
        os.close(told)

    @staticmethod
    def _read(company: Company, told: int, pause_seconds: float) -> tuple[int, list[str]]:
        seen: set[str] = set()
        for reads in range(1, 1_000_000):
            seen.add(company.published_digest())
            if select.select([told], [], [], pause_seconds)[0]:
                return reads, sorted(seen - {company.before, company.after})
        raise RuntimeError("nobody stopped the reader")

    def stop(self) -> int:
        """How often it read. Raises when it met an error or a version that is neither the old nor the new one."""
        os.write(self.tell, b".")
        os.close(self.tell)
        reads, strange = self.child.result()
        assert not strange, f"a reader saw neither the old nor the new version: {strange}"
        return int(reads)


def kill_landing(company: Company, number: int | None) -> tuple[Traced, int]:
    for part in ("landing", "lake"):
        company.restore("land", part)
    traced = trace(lambda: company.land_and_resolve(AFTER), company.home, number)
    assert Child(lambda: company.landed(BEFORE)).result() == company.landed_before, "older knowledge changed"
    Child(lambda: company.land(AFTER)).result()
    assert Child(lambda: company.landed(AFTER)).result() == company.landed_after, "landing again differs"
    return traced, 0


def kill_publish(company: Company, number: int | None) -> tuple[Traced, int]:
    company.restore("publish")
    return _kill(company, lambda: company.publish(AFTER), number, pause_seconds=0.002)


def kill_run(company: Company, number: int | None) -> tuple[Traced, int]:
    company.restore("land")
    return _kill(company, lambda: company.run(AFTER), number, pause_seconds=0.2)


def _kill(company: Company, call: Callable[[], None], number: int | None, pause_seconds: float) -> tuple[Traced, int]:
    reader = Reader(company, pause_seconds)
    try:
        traced = trace(call, company.home, number)
        assert Child(company.published_digest).result() in (company.before, company.after), "torn after the kill"
        Child(call).result()
    finally:
        reads = reader.stop()
    assert Child(company.published_digest).result() == company.after, "running again gives other tables"
    assert not company.leftovers()
    return traced, reads


def of_warehouse(point: Point) -> bool:
    return point.file.startswith("store/")


STEPS: dict[str, tuple[Callable[[Company, int | None], tuple[Traced, int]], Callable[[Point], bool]]] = {
    "land": (kill_landing, lambda point: True),
    "publish": (kill_publish, lambda point: True),
    "run": (kill_run, lambda point: True),
    "build": (kill_run, of_warehouse),
}


def thinned(points: list[Point], numbers: list[int]) -> list[int]:
    """Of equal calls on files of one kind, whatever source, day or version they are of, the first."""
    first: dict[tuple[str, ...], int] = {}
    for number in numbers:
        first.setdefault(_kind(points[number]), number)
    return sorted(first.values())


def _kind(point: Point) -> tuple[str, ...]:
    """The call, and what its file is: in landing which of its folders it is in, elsewhere what it is called."""
    file = Path(point.file)
    if file.parts[:1] == ("landing",):
        return (point.call, *file.parts[:2])
    return (point.call, *file.parts[:1], _DIGESTS_AND_NUMBERS.sub("", file.name))


def sweep_states(company: Company, jobs: int) -> int:
    """Run again from every distinct state of a whole run, ``jobs`` at a time, while the run stands still at the point."""
    company.restore("land")
    undisturbed = trace(lambda: company.run(AFTER), company.home)
    assert undisturbed.ended, "the undisturbed run failed"
    company.restore("land")
    seen: set[str] = set()
    running: list[tuple[int, Point, Path, Child]] = []
    failures = reached = 0

    def finish() -> int:
        number, point, folder, child = running.pop(0)
        problem = None
        try:
            child.result()
        except RuntimeError as error:
            problem = str(error)
        shutil.rmtree(folder)
        print(json.dumps({"step": "states", "number": number, "point": str(point), "problem": problem}), flush=True)
        return 1 if problem else 0

    def look(point: Point) -> None:
        nonlocal failures, reached
        reached += 1
        if point.file.split("/")[0] in ("landing", "lake"):
            return
        state = company.state(undisturbed.read)
        if state in seen:
            return
        seen.add(state)
        if len(running) == jobs:
            failures += finish()
        copy = company.copied(company.folder / f"copy {reached}")
        running.append((reached - 1, point, copy.folder, Child(copy.recovers)))

    traced = trace(lambda: company.run(AFTER), company.home, at_point=look)
    assert traced.ended, "the run that stood still at its points failed"
    while running:
        failures += finish()
    print(json.dumps({"step": "states", "points": len(traced.points), "states": len(seen)}), flush=True)
    return failures


def spread(numbers: list[int], wanted: int | None) -> list[int]:
    """``wanted`` of the numbers, the first and the last included, at equal distances."""
    if wanted is None or wanted >= len(numbers):
        return numbers
    return [numbers[place * (len(numbers) - 1) // max(wanted - 1, 1)] for place in range(wanted)]


def sweep(company: Company, step: str, wanted: int | None = None, thin: bool = False) -> int:
    """Kill at each point chosen, print what came of it. Returns the number of failures."""
    kill, chosen = STEPS[step]
    traced, _ = kill(company, None)
    assert traced.ended, "the undisturbed run failed"
    numbers = [number for number, point in enumerate(traced.points) if chosen(point)]
    numbers = spread(thinned(traced.points, numbers) if thin else numbers, wanted)
    print(json.dumps({"step": step, "points": len(traced.points), "chosen": len(numbers)}), flush=True)
    failures = 0
    for number in numbers:
        started, problem, point, reads = time.monotonic(), None, "", 0
        try:
            killed, reads = kill(company, number)
            # Threads take turns differently each time: near its end a run may have a few points fewer than the first.
            point = str(killed.points[-1]) if not killed.ended else "(ended before)"
        except Exception as error:
            problem, failures = f"{type(error).__name__}: {error}", failures + 1
        seconds = round(time.monotonic() - started, 1)
        print(
            json.dumps(
                {"step": step, "number": number, "point": point, "problem": problem, "reads": reads, "seconds": seconds}
            ),
            flush=True,
        )
    return failures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("steps", choices=[*STEPS, "states"], nargs="+")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="of states so many at a time")
    parser.add_argument("--points", type=int, help="of run and build only so many, spread evenly")
    parser.add_argument("--thin", action="store_true", help="of equal calls on files of one kind only the first")
    given = parser.parse_args()
    company = Company(given.folder.resolve())
    company.prepare()
    failures = 0
    try:
        for step in given.steps:
            if step == "states":
                failures += sweep_states(company, given.jobs)
                continue
            wanted = given.points if step in ("run", "build") else None
            failures += sweep(company, step, wanted, given.thin)
    except Untraceable as error:
        print(error, file=sys.stderr)
        sys.exit(UNTRACEABLE)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
