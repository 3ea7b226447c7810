"""The contract of a source: one file in ``billing/``, ``telemetry/`` or ``revenue/`` is one subclass.

The pipeline calls, in this order and possibly weeks apart:

1. ``units(period)``: which canonical units of work cover a period. A unit (a UTC day, a billing month, one file) is
   what a later delivery replaces whole, so its name must not depend on the period asked for.
2. ``fetch(unit, pull)``: put the bytes exactly as received into ``pull``. Returning commits the pull; raising lands nothing.
3. ``normalise(landed)``: committed bytes to lake rows (``lake.schema``); pure, no network, no clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.landing import Landed, Pull
    from reconcilers.periods import Period


class SourceConfig(BaseModel):
    """What every configured source has. ``kind`` names the file that implements it; ``name`` is its identity in every table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str


class Source(ABC):
    """One configured source. Subclasses declare ``kind`` and ``Config`` and are found by their module's name."""

    kind: ClassVar[str]
    Config: ClassVar[type[SourceConfig]]

    def __init__(self, config: SourceConfig) -> None:
        self.config = config

    @property
    def name(self) -> str:
        return self.config.name

    @abstractmethod
    def units(self, period: Period) -> Iterable[str]:
        """Canonical names of the units that cover ``period``; may list a remote folder."""

    @abstractmethod
    def fetch(self, unit: str, pull: Pull) -> None:
        """Add every received object of ``unit`` to ``pull``. Raises a ``ReconcileError`` and lands nothing otherwise."""

    @abstractmethod
    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        """(entity, table in ``lake.schema(entity)``) batches. Raises ``SourceRejected`` or ``SourceChangedShape``."""
