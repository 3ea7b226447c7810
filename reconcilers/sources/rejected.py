"""Records of a stream that cannot be read, or only in part: they lose themselves, never their file (rule R33)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from reconcilers.ingest.lake import schema

if TYPE_CHECKING:
    import pyarrow as pa

#: A reason may quote what was written; more of it than this says nothing.
_REASON = 300
_UNREADABLE = b'{"unreadable":'


@dataclass(frozen=True)
class Lost:
    """A record that cannot be read: why, and how many bytes it has."""

    reason: str
    size: int


class Rejections:
    """The rejected records of one pull, in the order in which they were met."""

    def __init__(self, source: str, landing_id: str) -> None:
        self.source, self.landing_id = source, landing_id
        self.rows: list[dict[str, Any]] = []

    def add(
        self,
        unit: str,
        line: int,
        reason: str,
        size: int,
        attribute: str | None = None,
        day: date | None = None,
        tenant_id: str | None = None,
    ) -> None:
        """Note that ``line`` of the file ``unit``, ``size`` bytes long, holds a record that cannot be read.

        With ``attribute`` the record counts but for what that attribute says. ``day`` is its day where its time is known,
        ``tenant_id`` whose it is where that is read from lines of revenue.
        """
        self.rows.append(
            {
                "source": self.source,
                "landing_id": self.landing_id,
                "landing_line": line,
                "unit": unit,
                "reason": reason[:_REASON].encode("utf-8", "replace").decode(),
                "attribute": attribute,
                "bytes": size,
                "charge_day": day,
                "tenant_id": tenant_id,
            }
        )

    def table(self) -> pa.Table:
        """The rows in the lake's shape, by line."""
        import pyarrow as pa

        rows = sorted(self.rows, key=lambda row: (row["landing_line"], row["attribute"] or ""))
        return pa.Table.from_pylist(rows, schema=schema("rejected_records"))


def unreadable(reason: str, size: int) -> bytes:
    """What is landed in place of a line of ``size`` bytes that cannot be read: it may hold text, so it is not kept."""
    import orjson

    return _UNREADABLE + orjson.dumps({"reason": reason, "bytes": size}) + b"}"


def why_unreadable(content: bytes) -> Lost | None:
    """What a line of ``unreadable`` states; None for any other line."""
    import orjson

    if not content.startswith(_UNREADABLE):
        return None
    try:
        stated = orjson.loads(content)["unreadable"]
        return Lost(str(stated["reason"]), int(stated["bytes"]))
    except (ValueError, KeyError, TypeError):
        return Lost("not the shape of a record", len(content))
