"""Columns that a bill's table has and had not in the delivery before: told, since money that nobody reads may stand in one.

A column that is missing or of another type needs no word here: the source that reads it refuses the delivery.
"""

from __future__ import annotations

from datetime import datetime

from reconcilers.errors import ReconcileError
from reconcilers.ingest.landing import Landed, Landing
from reconcilers.sources import tabular

#: What a name has in it that is a table; pages of an API are none.
_TABLES = (".csv", ".parquet")
#: Names that are told before the rest is a number.
_SHOWN = 10


class NewColumns:
    """Holds deliveries of one source, in the order they are taken, against what was known of it at ``as_of``."""

    def __init__(self, landing: Landing, source: str, as_of: datetime) -> None:
        known = landing.known(as_of, [source])
        self._known = _columns(max(known, key=lambda landed: landed.known_at)) if known else set()

    def warning(self, landed: Landed) -> str | None:
        """What is to be said of a delivery; nothing of a source's first."""
        columns = _columns(landed)
        new = sorted(columns - self._known) if self._known else []
        self._known |= columns
        if not new:
            return None
        more = f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
        return f"has columns that the delivery before had not: {', '.join(new[:_SHOWN])}{more}"


def _columns(landed: Landed) -> set[str]:
    """Names of all columns of a delivery's tables, in lower case as they are compared everywhere."""
    found: set[str] = set()
    for one in landed.objects:
        if any(ending in one.name.lower() for ending in _TABLES):
            try:
                found |= {name.strip().lower() for name in tabular.header(landed.path(one), one.name)}
            except ReconcileError:
                continue  # whoever reads its rows has refused it, or knows what stands above its header
    return found
