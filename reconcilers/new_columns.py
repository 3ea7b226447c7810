"""Columns that a bill's table has and none had before: told, since money that nobody reads may stand in one.

A column that is missing or of another type needs no word here: the source that reads it refuses the delivery.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from reconcilers.errors import ReconcileError
from reconcilers.ingest.landing import Landed, Landing
from reconcilers.sources import tabular

#: What a name has in it that is a table; pages of an API are none.
_TABLES = (".csv", ".parquet")
#: Deliveries of before that are looked into: bills of several tables have a column in some.
_LOOKED_BACK = 40
#: Names that are told before the rest is a number.
_SHOWN = 10


class NewColumns:
    """Holds deliveries of one source, in the order they are taken, against those that were known at ``as_of``."""

    def __init__(self, landing: Landing, source: str, as_of: datetime) -> None:
        self._landing, self._source, self._as_of = landing, source, as_of
        self._told: set[str] = set()

    def warning(self, landed: Landed) -> str | None:
        """What is to be said of a delivery that is news; nothing of a source's first."""
        columns = _columns(landed)
        new = sorted(columns - self._told - self._known) if self._known else []
        self._told |= columns
        if not new:
            return None
        more = f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
        return f"has columns that no delivery before had: {', '.join(new[:_SHOWN])}{more}"

    @cached_property
    def _known(self) -> set[str]:
        """Columns of the deliveries of before; only of a source with news are they looked for."""
        known = (one for one in self._landing.known(self._as_of, [self._source]) if one.known_at < self._as_of)
        latest = sorted(known, key=lambda landed: landed.known_at, reverse=True)[:_LOOKED_BACK]
        return set().union(*map(_columns, latest))


def _columns(landed: Landed) -> set[str]:
    """Names of all columns of a delivery's tables, in lower case as they are compared everywhere."""
    found: set[str] = set()
    for one in landed.objects:
        if any(ending in one.name.lower() for ending in _TABLES):
            try:
                found |= {name.strip().lower() for name in tabular.header(landed.path(one), one.name)}
            except (ReconcileError, OSError):
                continue  # whoever reads its rows has refused it, or says that it is gone
    return found
