"""Published tables as they must be, column by column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A published table, or some columns of it: the fields of ``row``. ``rows`` are by the values of the columns ``grain``.

    Amounts are in the reporting currency; ``None`` = not known.
    """

    name: str
    grain: tuple[str, ...]
    row: type
    rows: Mapping[tuple[Any, ...], Any]
