"""The contract of a source: one file in ``billing/``, ``invoices/``, ``telemetry/`` or ``revenue/`` beside this one is one subclass.

The pipeline calls, in this order and possibly weeks apart:

1. ``units(period)``: which canonical units of work cover a period. A unit (a UTC day, a billing month, one file) is
   what a later delivery replaces whole, so its name must not depend on the period asked for.
2. ``fetch(unit, pull)``: put the bytes exactly as received into ``pull``. Raising says that they could not be had whole, and
   nothing of them is kept; what is wrong with what they say is for ``normalise``, so that they are kept in quarantine.
   Several units are fetched at the same time, each in a thread of its own, so a fetch changes nothing that another one uses.
3. ``normalise(landed)``: committed bytes to lake rows (``lake.schema``); pure, no network, no clock.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from reconcilers.errors import SourceRejected
from reconcilers.periods import days_named
from reconcilers.sources import folders

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull
    from reconcilers.periods import Period


_SOURCES = Path(__file__).parent
_PACKAGE = _SOURCES.parent


def _compiled(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r:.60} is not a regular expression: {error}") from None
    return text


#: The text of a regular expression; one that is none is refused with the settings.
Expression = Annotated[str, AfterValidator(_compiled)]


class InForce(BaseModel):
    """Something declared that holds on the days from ``valid_from`` on and before ``valid_to``."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    valid_from: date | None = None
    """The first day it holds; without it, from ever."""
    valid_to: date | None = None
    """The day after the last it holds; without it, for ever."""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError(f"valid_to {self.valid_to} is not after valid_from {self.valid_from}")
        return self

    def holds(self, day: date) -> bool:
        return (self.valid_from or date.min) <= day and (self.valid_to is None or day < self.valid_to)

    def overlaps(self, other: InForce) -> bool:
        """Whether both hold on some day."""
        begins = max(self.valid_from or date.min, other.valid_from or date.min)
        return self.holds(begins) and other.holds(begins)


class SourceConfig(BaseModel):
    """What every configured source has. ``kind`` names the file that implements it; ``name`` is its identity in every table.

    A field that only steers how bytes are fetched (a folder, a time-out, the name of a credential) is declared with
    ``Field(exclude=True)``: what has landed is not read anew when it changes (``Source.recipe``). One called ``api_key_env``
    names the variable of the credential without which nothing answers. The text below a field is its description in
    ``docs/configuration.md`` and in editors, its ``examples`` what ``reconcile init`` writes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str
    """What the source is called in every table and message. Another name is another source, unless `renamed_from` tells the one before."""
    kind: str
    """Which module reads it."""
    renamed_from: str | tuple[str, ...] = Field(default=(), exclude=True)
    """What the source was called before, one name or several: what landed under them is its own."""
    side_by_side: int = Field(default=4, ge=1, le=32, exclude=True)
    """How many units are fetched at the same time."""
    time_limit_seconds: float = Field(default=7200.0, gt=0, le=86_400, exclude=True)
    """Seconds a run waits for the source in all, listing and fetching; what is not there by then stands refused, and what was
    had before counts."""


class Source(ABC):
    """One configured source. Subclasses declare ``kind`` and ``Config`` and are found by their module's name."""

    kind: ClassVar[str]
    Config: ClassVar[type[SourceConfig]]
    #: What ``reconcile init`` writes below ``name`` and ``kind``, by the end of the name of each source it begins with.
    begins: ClassVar[Mapping[str, str]] = MappingProxyType({"": ""})
    #: Of a bill: whose calls it bills (as ``naming.provider`` spells them), after how many days a day changes no more, which
    #: price dimensions its lines tell. ``reconcile init`` declares so.
    providers: ClassVar[tuple[str, ...]] = ()
    finality_days: ClassVar[int] = 7
    tells: ClassVar[tuple[str, ...]] = ()
    #: Whether several pulls are worth normalising at a time, each in a thread of its own.
    reads_side_by_side: ClassVar[bool] = False

    def __init__(self, config: SourceConfig) -> None:
        self.config = config

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def secrets(self) -> tuple[str, ...]:
        """The environment variables it takes secrets from, whether the settings name them or leave them to a default."""
        key = getattr(self.config, "api_key_env", None)
        return (*folders.secrets(getattr(self.config, "uri", "")), *([key] if key else []))

    @property
    def needs(self) -> tuple[str, ...]:
        """Of ``secrets`` those without which it cannot be asked at all; a role of the machine may stand for the others."""
        needed = (folders.BLOB_CONNECTION, getattr(self.config, "api_key_env", None))
        return tuple(name for name in self.secrets if name in needed)

    @property
    def is_near(self) -> bool:
        """Whether it is a folder of this machine, so that looking into it is no request."""
        uri = getattr(self.config, "uri", None)
        return isinstance(uri, str) and folders.is_near(uri)

    @property
    def tells_list_cost(self) -> bool:
        """Of a bill: whether it tells what its lines cost at list prices; else what is billed stands for it."""
        return True

    def probe(self, period: Period) -> int:
        """How many units it has for a period, by one small request that shows that it answers and takes the credential.

        Raises a ``ReconcileError`` as ``fetch`` does. A source that names its units without asking asks for something here.
        """
        return sum(1 for _ in self.units(period))

    @abstractmethod
    def units(self, period: Period) -> Iterable[str]:
        """Canonical names of the units that cover ``period``; may list a remote folder."""

    @abstractmethod
    def fetch(self, unit: str, pull: Pull) -> None:
        """Add every received object of ``unit`` to ``pull``. Raises a ``ReconcileError`` and lands nothing otherwise."""

    @abstractmethod
    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        """(entity, table in ``lake.schema(entity)``) batches. Raises ``SourceRejected`` or ``SourceChangedShape``."""

    def rows(self, landed: Landed) -> Iterator[tuple[str, dict[str, Any]]]:
        """(entity, row) of all that ``normalise`` makes of a pull, for a look at a small one."""
        return ((entity, row) for entity, table in self.normalise(landed) for row in table.to_pylist())

    def days(self, unit: str) -> Period | None:
        """The days a unit speaks of, where its name tells: ``2026-10-01``, ``2026-10``; null where it does not."""
        return days_named(unit)

    def lists(self, unit: str, period: Period) -> bool:
        """Whether ``units(period)`` names the unit as long as the source has it: one it does not name then is gone (rule R33)."""
        days = self.days(unit)
        return days is not None and days.overlaps(period)

    def answered(self, period: Period, units: Sequence[str]) -> Iterator[Period]:
        """The days of ``period`` that the source answered for when it gave ``units``: a day of none has no rows.

        A source that owes a unit for every day says so here: then a day without one could not be had (rule R34).
        """
        yield period

    @classmethod
    def readers(cls) -> set[Path]:
        """The files whose text decides what the source's lake rows say; a change of one reads every landed byte anew.

        These are the files of the class and of what it inherits, whatever is named like them beside them (a table of a
        provider's texts), and what all sources share. A source that reads by more files adds them here.
        """
        files = [Path(str(sys.modules[one.__module__].__file__)) for one in cls.__mro__ if issubclass(one, Source)]
        own = {found for file in files for found in file.parent.glob(f"{file.stem}.*")}
        shared = {
            _PACKAGE / name for name in ("compiled.py", "ingest/lake.py", "money.py", "money_kernel.py", "periods.py")
        }
        return own | shared | set(_SOURCES.glob("*.py"))

    @property
    def recipe(self) -> str:
        """Identity of how the source's bytes become rows: its configuration, but for what only steers the fetch, and its ``readers``."""
        text = f"{type(self).__module__}\n{self.config.model_dump_json()}\n{_text_of_readers(type(self))}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def cited(self, path: Path, name: str, line: int) -> str:
        """The stored content that a ``landing_line`` of the object ``name`` cites, for a person to read.

        A line of a text file as it stands, a row of a Parquet file as JSON. A source that counts otherwise says so here.
        Raises ``SourceRejected`` when the object has no such line: then landing was changed behind our back.
        """
        with path.open("rb") as stream:
            is_parquet = stream.read(4) == b"PAR1"
        found = _parquet_row(path, line) if is_parquet else _text_line(path, name, line)
        if found is None:
            raise SourceRejected(f"no line {line}", source=self.name, file=name, hint="landing was changed; restore it")
        return found


def or_text(schema: dict[str, Any]) -> None:
    """Makes the JSON Schema of a model say that one text stands for it, too."""
    body = dict(schema)
    schema.clear()
    schema.update({"description": body.pop("description", ""), "anyOf": [{"type": "string"}, body]})


@cache
def _text_of_readers(cls: type[Source]) -> str:
    digest = hashlib.sha256()
    for file in sorted(cls.readers()):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _text_line(path: Path, name: str, line: int) -> str | None:
    with folders.open_unpacked(path, name) as unpacked:
        content = next(islice(unpacked, line - 1, None), None)
    return None if content is None else content.decode("utf-8", "replace").rstrip("\r\n")


def _parquet_row(path: Path, line: int) -> str | None:
    import pyarrow.parquet as pq

    seen = 0
    for batch in pq.ParquetFile(path).iter_batches():
        if line <= seen + batch.num_rows:
            row = batch.slice(line - seen - 1, 1).to_pylist()[0]
            return json.dumps({key: value for key, value in row.items() if value is not None}, default=str)
        seen += batch.num_rows
    return None
