"""Every run is a row: when it started and ended, for which days, what it knew, what came of it, and the money in and out.

::

    <home>/runs/<started_at>-<digest of the run's id>.json

A run is written down before it does anything, so that one that is killed is a row as well: its row has no end. A run of
Airflow is several processes, each of which goes on with the same row; while one works on it, it holds a lock on it. Start and end are facts for an auditor:
no row of a table and no rule reads them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from reconcilers.errors import DoesNotReconcile, GoneMissing, ReconcileError, SettingsInvalid
from reconcilers.periods import Period

#: How a run can end, and what it is called while it has not.
PUBLISHED = "published"
IN_PART = "published in part"
REFUSED = "refused"
FAILED = "failed"
RUNNING = "running"
UNFINISHED = "unfinished"
#: An error by which the job says no by itself: nothing broke.
_NO = (DoesNotReconcile, GoneMissing, SettingsInvalid)
_SHOWN_CHARACTERS = 2000


@dataclass(frozen=True)
class Run:
    """One run. Times are UTC; ``period`` is as people type it, last day included.

    ``result``: ``published``, ``published in part`` (some unit of some source failed), ``refused`` (an audit, something gone,
    settings), ``failed``, ``running``, ``unfinished`` (killed, or between two tasks of Airflow). ``built`` says whether dbt was
    started; nothing that is known had changed where it was not. ``billed`` and ``carried`` are what the months of the period were
    billed and what of it has a destination, per currency.
    """

    run_id: str
    command: str
    period: str
    as_of: str
    started_at: str
    ended_at: str | None = None
    result: str = UNFINISHED
    error: str | None = None
    version: str | None = None
    built: bool | None = None
    billed: dict[str, str] = field(default_factory=dict)
    carried: dict[str, str] = field(default_factory=dict)
    reason: str = ""


class Ledger:
    """The runs of one company, below its ``home``."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "runs"

    def begin(self, run_id: str, command: str, period: Period, as_of: datetime, reason: str = "") -> None:
        """Write down that a run starts. One that is begun already, by a task that is tried again, keeps its start."""
        if self._path(run_id) is None:
            started = _now()
            run = Run(run_id, command, str(period), as_of.isoformat(), started.isoformat(), reason=reason)
            self._write(self.folder / f"{started:%Y%m%dT%H%M%S.%f}-{_digest(run_id)}.json", run)

    @contextlib.contextmanager
    def working(self, run_id: str) -> Iterator[Entry]:
        """Hold the row of a begun run while something is done for it, and write down how that ended.

        An error ends the run, and is raised on. One that may pass and is tried again begins no other row.
        """
        path = self._path(run_id)
        if path is None:
            raise KeyError(f"no run {run_id} was begun in {self.folder}")
        entry = Entry(replace(_read(path), ended_at=None, result=UNFINISHED))
        self._write(path, entry.run)
        with path.open() as held:
            fcntl.flock(held, fcntl.LOCK_SH)
            try:
                yield entry
            except BaseException as error:
                entry.failed(error)
                raise
            finally:
                self._write(path, entry.run)

    def runs(self, latest: int | None = None) -> list[Run]:
        """The latest runs, newest first; without a number all of them."""
        paths = sorted(self.folder.glob("[0-9]*T*-*.json"), reverse=True)
        return list(islice(filter(None, map(_state, paths)), latest))

    def _path(self, run_id: str) -> Path | None:
        return next(iter(self.folder.glob(f"*-{_digest(run_id)}.json")), None)

    def _write(self, target: Path, run: Run) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.folder, suffix=".tmp")
        with os.fdopen(handle, "w") as out:
            json.dump(asdict(run), out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, target)


class Entry:
    """The row of a run while something is done for it."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def published(self, version: str, in_part: bool, built: bool, money: Sequence[tuple[str, str, str]] = ()) -> None:
        """The tables are published; ``money`` is currency, billed, carried."""
        self._end(
            IN_PART if in_part else PUBLISHED,
            version=version,
            built=built,
            billed={currency: billed for currency, billed, _ in money},
            carried={currency: carried for currency, _, carried in money},
        )

    def failed(self, error: BaseException) -> None:
        """What it ended with; an exception of ours says all there is to say, of another the kind is needed too."""
        told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        refused = isinstance(error, _NO) or (isinstance(error, ReconcileError) and isinstance(error.__cause__, _NO))
        self._end(REFUSED if refused else FAILED, error=told[:_SHOWN_CHARACTERS])

    def _end(self, result: str, **told: object) -> None:
        fresh = {"error": None, **told}
        self.run = replace(self.run, result=result, ended_at=_now().isoformat(), **fresh)  # type: ignore[arg-type]


def _state(path: Path) -> Run | None:
    """A row as it is now; null for a file that is none."""
    try:
        run = _read(path)
    except (OSError, ValueError, TypeError):
        return None
    if run.ended_at is None and _is_held(path):
        return replace(run, result=RUNNING)
    return run


def _read(path: Path) -> Run:
    return Run(**json.loads(path.read_text()))


def _is_held(path: Path) -> bool:
    with path.open() as looked_at:
        try:
            fcntl.flock(looked_at, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _digest(run_id: str) -> str:
    return hashlib.sha256(run_id.encode()).hexdigest()[:16]


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
