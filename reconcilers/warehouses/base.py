"""What a warehouse does for the job, whichever it is: take what is known, have dbt build it, publish it, be read.

``warehouses/duckdb.py`` is a file on this machine, ``warehouses/bigquery.py`` a project of Google's. The SQL that
builds is the same; what a reader of ``Published`` gets is the same to the last digit.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reconcilers.errors import Busy

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Figures:
    """Rows of one query with their column names. Times are UTC without a zone, amounts are decimals."""

    names: list[str]
    rows: list[tuple[Any, ...]]


class Published(Protocol):
    """One published set of finance tables, in schema ``finance``; it does not change under its reader."""

    @property
    def facts(self) -> dict[str, Any]:
        """Period, ``as_of``, and what failed or was warned of in the run that published it."""

    @property
    def place(self) -> str:
        """Where a person finds the tables."""

    def ask(self, sql: str, *values: Any) -> Figures:
        """The result of one read-only query; ``?`` stands for each value. Raises ``SettingsInvalid`` where it fails."""


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

    def candidate(self, table: str) -> Figures:
        """All rows of a finance table as it was built and is not published yet."""

    def publish(self, facts: Mapping[str, Any], keep: int) -> Published:
        """Make the audited candidate what readers see, all tables together; ``keep`` versions stay where there are any."""

    def current(self) -> Published | None:
        """What is published; null before the first time."""


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
