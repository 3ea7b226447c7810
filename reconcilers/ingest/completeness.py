"""What is known of the sources themselves: which are configured, which days were asked for, what was refused (rule R34)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from reconcilers.ingest.lake import KNOWLEDGE, schema

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landing, Refused
    from reconcilers.periods import Period

#: Room of the finance-owned files, which hold for any day.
REFERENCE = "reference"


class Askable(Protocol):
    """What is asked of a configured source here."""

    @property
    def name(self) -> str: ...

    def days(self, unit: str) -> Period | None: ...


def knowledge(
    landing: Landing, sources: Sequence[tuple[str, Askable]], as_of: datetime, unread: Sequence[Refused] = ()
) -> dict[str, pa.Table]:
    """The tables of ``lake.KNOWLEDGE`` as known at ``as_of``; ``sources`` are those configured, with their rooms.

    ``unread`` are units taken once that cannot be read today.
    """
    import pyarrow as pa

    names = {REFERENCE, *(source.name for _, source in sources)}
    refused = [one for one in landing.refused(as_of) if one.source in names]
    told = {(one.source, one.unit) for one in refused}
    refused += [one for one in unread if (one.source, one.unit) not in told]
    rows = {
        "rejections": [_rejection(one) for one in refused],
        "sources": [{"source": source.name, "room": room} for room, source in sources],
        "asked_days": [row for _, source in sources for row in _asked_days(landing, source, refused, as_of)],
    }
    rows["sources"].append({"source": REFERENCE, "room": REFERENCE})
    return {name: pa.Table.from_pylist(rows[name], schema=schema(name)) for name in KNOWLEDGE}


def _rejection(refused: Refused) -> dict[str, Any]:
    first, last = (None if day is None else date.fromisoformat(day) for day in (refused.first_day, refused.last_day))
    return {
        "source": refused.source,
        "unit": refused.unit,
        "problem": refused.problem,
        "first_day": first,
        "last_day": last,
    }


def _asked_days(
    landing: Landing, source: Askable, refused: Sequence[Refused], as_of: datetime
) -> Iterator[dict[str, Any]]:
    units = [source.days(one.unit) for one in refused if one.source == source.name]
    for day, asked in landing.asked(source.name, as_of).items():
        could_not_be_had = any(unit is not None and unit.start <= day < unit.end for unit in units)
        yield {
            "source": source.name,
            "charge_day": day,
            "landed": asked.landed and not could_not_be_had,
            "pulled_again": asked.pulled_again,
        }
