"""What a warehouse does for the job, whichever it is: take what is known, have dbt build it, publish it, be read.

``warehouses/duckdb.py`` is a file on this machine, ``warehouses/bigquery.py`` a project of Google's. The SQL that
builds is the same; what a reader of ``Published`` gets is the same to the last digit.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reconcilers.errors import Busy, ReconcileError

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Figures:
    """Rows of one query with their column names. Times are UTC without a zone, amounts are decimals."""

    names: list[str]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Column:
    """A column of a finance table. ``type`` is as the project or the warehouse writes it."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """A finance table and what it and its columns mean. ``key`` are the columns that tell its rows apart, where the project says."""

    name: str
    meaning: str
    columns: list[Column]
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """What the tables that stand built and audited were made from.

    ``fingerprint`` is of everything known and of how tables are made of it. With the same one they say the same at any ``as_of``
    of ``from_as_of`` to ``until``, both included: only which days are over and which events are given up follows from the time.
    """

    fingerprint: str
    from_as_of: datetime
    until: datetime

    def is_for(self, fingerprint: str, as_of: datetime) -> bool:
        return self.fingerprint == fingerprint and self.from_as_of <= as_of <= self.until


class Published(Protocol):
    """One published set of finance tables, in schema ``finance``; it does not change under its reader."""

    @property
    def facts(self) -> dict[str, Any]:
        """Period, ``as_of``, and what failed or was warned of in the run that published it."""

    @property
    def name(self) -> str:
        """What this publication is called among the others."""

    @property
    def place(self) -> str:
        """Where a person finds the tables."""

    def ask(self, sql: str, *values: Any) -> Figures:
        """The result of one read-only query; ``?`` stands for each value. Raises ``SettingsInvalid`` where it fails."""

    def batches(self, sql: str, *values: Any) -> pa.RecordBatchReader:
        """The same with the types of its columns, a part at a time. Raises ``SettingsInvalid`` where it fails, then or while it is read."""

    def tables(self) -> list[Table]:
        """What is published, in order of names, with the meaning each table and column carries; a text may be empty."""

    def held(self) -> AbstractContextManager[Published]:
        """The same for several queries: opened once, and asked to the end though newer publications push it out meanwhile."""


class Warehouse(Protocol):
    """Where one company's tables are built and published."""

    @property
    def environment(self) -> dict[str, str]:
        """What dbt's profile needs."""

    def writing(self) -> AbstractContextManager[None]:
        """The one writer's place. Raises ``Busy`` while another run holds it; a killed holder frees it."""

    def load(
        self,
        files: Mapping[str, Sequence[Path]],
        reference: Mapping[str, pa.Table],
        knowledge: Mapping[str, pa.Table],
    ) -> None:
        """Make lake ``files`` (entity → Parquet) what staging reads; replace the reference tables and those of ``lake.KNOWLEDGE``."""

    def candidate(self, table: str, schema: str = "finance", where: str = "true") -> Figures:
        """Rows of a table as it was built and is not published yet: all, or those ``where`` takes."""

    @property
    def folder(self) -> Path:
        """What of the warehouse is kept beside landing, the writer's place among it."""

    def publish(self, facts: Mapping[str, Any], keep: int) -> Published:
        """Make the audited candidate what readers see, all tables together; ``keep`` versions stay where there are any."""

    def current(self) -> Published | None:
        """What is published; null before the first time."""

    def damages(self) -> Iterator[tuple[str, ReconcileError | None]]:
        """Each part of what is built and published, read through, and what is wrong with it; null where nothing is."""


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """A place one process holds at a time. Raises ``Busy`` while another does; a killed holder frees it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "writer.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Busy("another run is writing", hint=f"wait for it to end; it holds {lock.name}") from None
        yield


def candidate_of(folder: Path) -> Candidate | None:
    """What the built tables were made from; null where a build did not come to its end."""
    try:
        told = json.loads((folder / _CANDIDATE).read_text())
        times = {name: datetime.fromisoformat(told[name]) for name in ("from_as_of", "until")}
        return Candidate(told["fingerprint"], **times)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_candidate(folder: Path, candidate: Candidate | None) -> None:
    """Write down what the built tables were made from; null before anything of them changes."""
    path = folder / _CANDIDATE
    if candidate is None:
        path.unlink(missing_ok=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(candidate), default=datetime.isoformat, indent=1))
    os.replace(temporary, path)


_CANDIDATE = "candidate.json"
