"""Lands one hostile input beside a good source, as the nightly job does, and says of which kind what came out is.

``good`` and ``clear`` are what must be: taken with the right value, or refused in words that name source, file and line. The others are
defects: ``unclear`` (refused, in other words), ``silent`` (taken, and wrong or not as told), ``crash`` (an error of no class of ours),
``leak`` (text that must not be kept, in a file or a message), ``hang`` (no end within the limit).
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow.parquet as pq

from reconcilers import pipeline
from reconcilers.configured import configured_sources
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.errors import ReconcileError
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from tests.hostile.inputs import bills
from tests.hostile.inputs.told import CANARY, Good, Input, Refused, Rejected, content_of

KINDS = ("good", "clear", "unclear", "silent", "crash", "leak", "hang")
#: Where homes are made: what is flushed to disk file by file takes minutes on some, and none of this must outlive its test.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
#: No input here takes a second; a limit of the job is another matter.
SECONDS = 20
NAME, AS_OF, DAY = "hostile", datetime(2026, 11, 20, 6), Period.of_day(date(2026, 9, 10))
CONTROL = {"name": "control", "kind": "focus_file", "uri": "control"}
Land = Callable[[Settings, str, Period, datetime], pipeline.LandingReport]


@dataclass(frozen=True)
class Verdict:
    """The kind of what came out, and what was seen."""

    kind: str
    seen: str


class Hang(BaseException):
    """The limit is over; nothing that takes errors for its own takes this."""


def judge(hostile: Input, home: Path, served: Mapping[str, Any] | None = None, land: Land = pipeline.land) -> Verdict:
    """``served`` is what of its configuration only whoever serves its files knows."""
    for name, content in hostile.files.items():
        (path := home / NAME / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content_of(content))
    (home / "control").mkdir(parents=True)
    (home / "control" / bills.FILE).write_bytes(bills.GOOD)
    try:
        with _within(SECONDS):
            return _judged(hostile, home, {"uri": NAME} if served is None else served, land)
    except Hang:
        return Verdict("hang", f"not done after {SECONDS} seconds")


def _judged(hostile: Input, home: Path, served: Mapping[str, Any], land: Land) -> Verdict:
    room = "revenue" if hostile.config["kind"] == "revenue_file" else "billing"
    room = "telemetry" if hostile.config["kind"] in ("otlp", "mapped", "mapped_bigquery") else room
    rooms: dict[str, tuple[dict[str, Any], ...]] = {"billing": (CONTROL,)}
    rooms[room] = (*rooms.get(room, ()), {"name": NAME, **served, **hostile.config})
    settings = Settings(file=home / "reconcile.yaml", home=Path("var"), repull_days=0, **rooms)
    try:
        report = land(settings, NAME, DAY, AS_OF)
        control = land(settings, CONTROL["name"], DAY, AS_OF)
    except Exception as error:
        return Verdict("crash", repr(error))
    told = [*report.failures, *report.warnings]
    if any("our own code failed" in failure for failure in told):
        return Verdict("crash", told[0])
    try:
        "".join(told).encode()
    except UnicodeEncodeError as error:
        return Verdict("crash", f"no terminal can show it: {error.reason}")
    rejected = _lake(settings, "rejected_records")
    if leaked := [path for path in _files(home / "var") if CANARY.encode() in path.read_bytes()]:
        return Verdict("leak", str(leaked[0].relative_to(home)))
    if CANARY in str(told) + str(rejected):
        return Verdict("leak", "in a message")
    if control.failures or control.billed_cost != {"USD": "10.000000000"}:
        return Verdict("crash", f"the good source did not land: {control}")
    if half := [path for path in _files(home / "var") if path.suffix == ".tmp" or path.parent.name == "incoming"]:
        return Verdict("silent", f"left behind: {half[0].relative_to(home)}")
    landed = [one.unit for one in Landing(settings.landing).known(AS_OF, [NAME])]
    if report.failures:
        if landed or _lake(settings, None):
            return Verdict("silent", f"refused and half-landed: {landed}")
        return _refused(hostile.gets, report.failures[0])
    return _taken(hostile.gets, settings, rejected)


def _refused(gets: Good | Refused | Rejected, failure: str) -> Verdict:
    named = [f"source {NAME}"]
    if isinstance(gets, Refused):
        named += [
            gets.says,
            *([f"file {gets.file}"] if gets.file else []),
            *([f"line {gets.line}:"] if gets.line else []),
        ]
    clear = isinstance(gets, Refused) and all(part in failure for part in named)
    return Verdict("clear" if clear else "unclear", failure)


def _taken(gets: Good | Refused | Rejected, settings: Settings, rejected: list[dict[str, Any]]) -> Verdict:
    if isinstance(gets, Refused):
        return Verdict("silent", f"taken: {_lake(settings, None)}"[:2000])
    rows = _lake(settings, gets.entity)
    if len(rows) != gets.rows:
        return Verdict("silent", f"{len(rows)} rows of {gets.entity}; rejected {rejected}")
    if wrong := {name: rows[-1][name] for name, value in gets.values.items() if not _same(rows[-1][name], value)}:
        return Verdict("silent", f"{wrong}")
    if isinstance(gets, Good):
        return Verdict("silent", f"rejected {rejected}") if rejected else Verdict("good", f"{rows[-1:]}")
    says = [
        row
        for row in rejected
        if row["landing_line"] == gets.line and gets.says in f"{row['attribute']}: {row['reason']}"
    ]
    return Verdict("clear" if says else "unclear" if rejected else "silent", f"rejected {rejected}")


def _same(found: Any, told: Any) -> bool:
    if isinstance(found, Decimal | int) and not isinstance(found, bool) and told is not None:
        try:
            return Decimal(found) == Decimal(told)
        except InvalidOperation:
            return False
    return found is None if told is None else str(found) == str(told)


def _lake(settings: Settings, entity: str | None) -> list[dict[str, Any]]:
    """Lake rows of the hostile source, in the order of their lines; of any entity where none is named."""
    rows = [
        row
        for path in sorted((settings.lake / NAME).glob(f"*/{entity or '*'}.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    return sorted(rows, key=lambda row: row["landing_line"])


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def judge_declared(hostile: Input, home: Path) -> Verdict:
    """The same of what a company declares: its settings, or one reference file."""
    for name, content in hostile.files.items():
        (path := home / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content_of(content))
    try:
        with _within(SECONDS):
            if hostile.room == "settings":
                told = _problem_of_settings(home / "reconcile.yaml")
            else:
                report = pipeline.land_reference(Settings(file=home / "reconcile.yaml", home=Path("var")), AS_OF)
                told = report.failures[0] if report.failures else None
    except Hang:
        return Verdict("hang", f"not done after {SECONDS} seconds")
    except Exception as error:
        return Verdict("crash", repr(error))
    if told and CANARY in told:
        return Verdict("leak", told)
    if isinstance(hostile.gets, Good):
        return Verdict("unclear", told) if told else Verdict("good", "taken")
    if told is None:
        return Verdict("silent", "taken")
    where = [hostile.gets.says, *([f"line {hostile.gets.line}:"] if hostile.gets.line else [])]
    return Verdict("clear" if all(part in told for part in where) else "unclear", told)


def _problem_of_settings(file: Path) -> str | None:
    try:
        configured_sources(read_settings(file))
    except ReconcileError as error:
        return str(error)
    return None


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    def over(_signal: int, _frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
