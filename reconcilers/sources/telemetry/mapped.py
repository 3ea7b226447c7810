"""``kind: mapped`` — calls, runs or outcomes from CSV, NDJSON or Parquet files, by a declared mapping (``mapping.py``).

Only the columns that the mapping names are landed, because any other may hold prompt or completion text: of NDJSON and
Parquet a JSON object a row, of CSV a CSV, each row in its line. Of a value that is an object or a list nothing is landed but
that it is one, and in place of a text that is no JSON on the path of a column stands that it is none.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar, Literal, TextIO

from pydantic import Field

from reconcilers.sources.contract import SourceConfig
from reconcilers.sources.mapped_columns import Row, found, mapped_values, read
from reconcilers.sources.rejected import Lost, unreadable
from reconcilers.sources.telemetry.base import FileSource, FileSourceConfig
from reconcilers.sources.telemetry.mapping import (
    BEGIN_CALLS,
    BEGIN_OUTCOMES,
    MappingConfig,
    MappingSource,
)
from reconcilers.sources.telemetry.user_columns import of_csv, written

#: What a reader of CSV takes for the end of a line.
_BREAK = re.compile(r"\r\n|\r|\n")


class MappedConfig(MappingConfig, FileSourceConfig):
    """A mapping of files of one format."""

    format: Literal["csv", "ndjson", "parquet"] = Field(examples=["csv"])
    """What a file is."""
    land: Literal["mapped_columns"] = Field(default="mapped_columns", exclude=True)
    """What of a file is landed: the columns the mapping names and no other, which may hold prompts or completions."""


class Mapped(FileSource, MappingSource):
    """Tables with a declared mapping; see the module's docstring."""

    kind: ClassVar[str] = "mapped"
    begins = MappingProxyType(
        {
            "calls": f"uri: calls  # a folder, or s3://bucket/prefix\nformat: csv  # or ndjson, parquet\n{BEGIN_CALLS}",
            "outcomes": f"uri: outcomes\nformat: csv\n{BEGIN_OUTCOMES}",
        }
    )
    Config: ClassVar[type[SourceConfig]] = MappedConfig
    config: MappedConfig

    def accept(self, unit: str, received: Path, work: Path) -> tuple[Path, dict[str, str]]:
        """The table with the columns the mapping names and no other.

        In place of a line that cannot be read the landed file says why and how long that was: what it holds may be text.
        Raises ``SourceRejected`` for a file of which no line can be read.
        """
        target = work / "mapped_columns"
        rows = lost = 0
        first: tuple[int, Lost] | None = None
        names = self.config.reads()
        received_rows = self._rows(unit, received)
        begun = list(_to_first_row(received_rows))
        with target.open("w", encoding="utf-8", newline="") as out:
            lines = _Lines(out)
            if self.config.format == "csv":
                # In the order of the received table, so that a line that is mapped whole stays as it is.
                if begun and not isinstance(row := begun[-1][1], Lost):
                    places = {column: place for place, column in enumerate(row)}
                    names.sort(key=lambda name: places.get(name, places.get(name.partition(".")[0], 0)))
                lines.write(1, _csv(names))
            for line, row in chain(begun, received_rows):
                rows += 1
                if isinstance(row, Lost):
                    lost, first = lost + 1, first or (line, row)
                lines.write(line, self._landed(row, names))
        if first and lost == rows:
            raise self._rejected(unit, first[0], first[1].reason)
        return target, {"land": "mapped_columns"} | ({"unreadable": str(lost)} if lost else {})

    def without_user(self, path: Path, name: str, user_id: str, out: BinaryIO) -> int:
        if self.config.format != "csv":
            return super().without_user(path, name, user_id, out)
        with path.open(encoding="utf-8", newline="") as table:
            tells = partial(self._tells_user, user_id=user_id, unit=name)
            return written(out, of_csv(table, self._user_columns, tells))

    def _landed(self, row: Row | Lost, names: Iterable[str]) -> str:
        """One row as it is landed."""
        is_csv = self.config.format == "csv"
        if isinstance(row, Lost):
            stated = unreadable(row.reason, row.size).decode()
            return _csv([stated]) if is_csv else stated
        if is_csv:
            values = (found(row, name) for name in names)
            return _csv(None if isinstance(value, Mapping | list) else value for value in values)
        return json.dumps(mapped_values(row, names), default=str)

    def _rows(self, unit: str, path: Path) -> Iterator[tuple[int, Row | Lost]]:
        """(line, row) of one table; in Parquet, landed as NDJSON, the line is the row's number."""
        if self.config.format == "ndjson" or (self.config.format == "parquet" and _is_json(path)):
            return super()._rows(unit, path)
        return read(path, unit, self.config.reads(), source=self.name)


def _to_first_row(rows: Iterator[tuple[int, Row | Lost]]) -> Iterator[tuple[int, Row | Lost]]:
    """What comes up to the first row that can be read, and that row."""
    for line, row in rows:
        yield line, row
        if not isinstance(row, Lost):
            return


class _Lines:
    """A file whose rows stand in the lines they came from, with blank lines between them where theirs were longer."""

    def __init__(self, out: TextIO) -> None:
        self.out, self.line = out, 1

    def write(self, line: int, row: str) -> None:
        self.out.write("\n" * (line - self.line) + row + "\n")
        self.line = max(line, self.line) + len(_BREAK.findall(row)) + 1


def _csv(values: Iterable[Any]) -> str:
    """A row of a CSV, without its end."""
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue().removesuffix("\r\n")


def _is_json(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(1) == b"{"
