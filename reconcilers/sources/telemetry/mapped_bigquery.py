"""``kind: mapped_bigquery`` — calls, runs or outcomes from a table or view in BigQuery, by a declared mapping (``mapping.py``).

    table: acme.app.model_calls
    day_column: created_at             # TIMESTAMP, DATETIME or DATE, best the one the table is partitioned by
    entity: calls
    columns: {ended_at: created_at, model: message.model, …}   # also members of records, and keys below a JSON column

It is a kind of its own because its unit is: a table has no files, so one unit is one UTC day of ``day_column``, which a
later pull replaces whole. A day is read whether or not it has rows, so that rows which vanish are seen; ``late_days``
before the period are read again, for rows written or changed late. The filter is on the column itself, so that partitions
are pruned. https://cloud.google.com/bigquery/docs/querying-partitioned-tables

What is landed is one JSON text a row, written by BigQuery itself (``TO_JSON_STRING``), with the columns the mapping names
and no other: prompts and completions never leave BigQuery. There decimals and integers beyond 2⁵³ are text and a double
is the shortest decimal that names it, so every number is read from its text, as everywhere. A mapping that comes to
name another column wants its days pulled again; until then that column of theirs is not known.
https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#json_encodings

Lines are in the order of ``day_column``, then bytewise: equal rows give equal bytes, and ``dedupe`` keeps the earliest or
the latest. One query reads a day and sees one state of the table, so its rows are not counted before; ``gcp`` counts
because its first query tells the second where to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from reconcilers.periods import Period, parse_day
from reconcilers.sources import google
from reconcilers.sources.contract import SourceConfig
from reconcilers.sources.mapped_columns import changed
from reconcilers.sources.telemetry.mapping import BEGIN_CALLS, BEGIN_OUTCOMES, MappingConfig, MappingSource

if TYPE_CHECKING:
    from google.cloud import bigquery

    from reconcilers.ingest.landing import Pull

_DAYS = ("TIMESTAMP", "DATETIME", "DATE")
#: Types with an exact text. https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema
_READ = (*_DAYS, "STRING", "INTEGER", "INT64", "FLOAT", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOLEAN", "BOOL", "TIME")
#: What stands in backticks or quotes as it is, with a dot between parts.
_PATH = re.compile(r"""[^.`"\\\x00-\x1f]+(\.[^.`"\\\x00-\x1f]+)*""")


class MappedBigqueryConfig(MappingConfig, google.TableConfig):
    """A mapping, the table it reads, and the column that says which day a row is of."""

    day_column: str = Field(examples=["ended_at"])
    """The column that says which UTC day a row is of: TIMESTAMP, DATETIME or DATE."""
    late_days: int = Field(default=3, ge=0, le=400, exclude=True)
    """Days before the asked period that are read again, for rows written or changed late."""

    @model_validator(mode="after")
    def _names_can_be_quoted(self) -> MappedBigqueryConfig:
        if bad := next((name for name in (self.day_column, *self.reads()) if not _PATH.fullmatch(name)), None):
            raise ValueError(f"{bad!r:.80} can be no column of BigQuery")
        return self


class MappedBigquery(MappingSource):
    """Rows of a table in BigQuery with a declared mapping; see the module's docstring."""

    kind: ClassVar[str] = "mapped_bigquery"
    begins = MappingProxyType(
        {
            "calls": f"table: <project>.<dataset>.<calls>\nday_column: ended_at\n{BEGIN_CALLS}",
            "outcomes": f"table: <project>.<dataset>.<outcomes>\nday_column: occurred_at\n{BEGIN_OUTCOMES}",
        }
    )
    Config: ClassVar[type[SourceConfig]] = MappedBigqueryConfig
    config: MappedBigqueryConfig

    def probe(self, period: Period) -> int:
        """Asks for the table's columns, which the mapping has to fit."""
        return len(list(period.days())) if self._shape else 0

    def units(self, period: Period) -> Iterable[str]:
        """UTC days, ``2026-10-01``."""
        return [day.isoformat() for day in period.widened(self.config.late_days).days()]

    def fetch(self, unit: str, pull: Pull) -> None:
        table, day = self._shape, parse_day(unit)
        sql = f"""select to_json_string({table.row}) as line from `{self.config.table}` as t
            where {table.day} >= @start and {table.day} < @end order by {table.day}, line"""
        start, end = (_midnight(midnight, table.day_type) for midnight in (day, day + timedelta(days=1)))
        rows = self._reader.rows(sql, table.location, start=start, end=end)
        lines = (google.landed(line) for (line,) in rows)
        pull.add(f"{unit}.ndjson", f"bigquery://{self.config.table}?day={unit}", lines)

    @cached_property
    def _reader(self) -> google.Reader:
        return self.config.reader(self.name)

    @cached_property
    def _shape(self) -> _Shape:
        """The table as the first pull of this run finds it. Raises ``SourceChangedShape`` for what cannot be read."""
        found = self._reader.table()
        day, day_type = self._column(found.schema, self.config.day_column)
        if day_type not in _DAYS:
            raise self._unreadable(self.config.day_column, f"{day_type}, which is no {' or '.join(_DAYS)}")
        columns = {name: self._column(found.schema, name)[0] for name in self.config.reads()}
        return _Shape(found.location, day, day_type, _struct(columns))

    def _column(self, schema: Iterable[bigquery.SchemaField], path: str) -> tuple[str, str]:
        """The SQL and the type of a column, of a record's member, or of what a JSON column has under the rest of ``path``."""
        sql, fields, kind, parts = "t", schema, "RECORD", path.split(".")
        for depth, part in enumerate(parts, 1):
            field = next((field for field in fields if field.name.lower() == part.lower()), None)
            here = ".".join(parts[:depth])
            if field is None:
                raise changed(f"no column {here!r:.80}", table=self.config.table, source=self.name)
            if field.mode == "REPEATED":
                raise self._unreadable(here, "repeated, where one value is expected")
            sql, fields, kind = f"{sql}.`{field.name}`", field.fields, field.field_type
            if kind == "JSON":
                return _json_value(sql, parts[depth:]), kind
        if kind not in _READ:
            raise self._unreadable(path, f"{kind}, which a mapping cannot read")
        return sql, kind

    def _unreadable(self, column: str, problem: str) -> Exception:
        return changed(f"column {column!r:.80} is {problem}", table=self.config.table, source=self.name)


@dataclass(frozen=True)
class _Shape:
    """One table as it is now: where it is, SQL and type of the day column, SQL of a row with only the mapped columns."""

    location: str | None
    day: str
    day_type: str
    row: str


def _midnight(day: date, kind: str) -> date:
    """A day's start as a value that compares with a column of that type: BigQuery takes no other."""
    return day if kind == "DATE" else datetime.combine(day, time(), UTC if kind == "TIMESTAMP" else None)


def _struct(columns: Mapping[str, str]) -> str:
    """Columns by path as nested records, as the table has them: ``a.b`` is member ``b`` of ``a``."""
    members = []
    for top, paths in groupby(sorted(columns, key=lambda path: path.split(".")), lambda path: path.partition(".")[0]):
        below = {path.partition(".")[2]: columns[path] for path in paths}
        members.append(f"{below[''] if '' in below else _struct(below)} as `{top}`")
    return f"struct({', '.join(members)})"


def _json_value(sql: str, keys: list[str]) -> str:
    """The value under ``keys``: one key with dots, as OpenTelemetry's attributes are stored, or else one after another.

    https://cloud.google.com/stackdriver/docs/reference/telemetry/trace-schema
    """
    walked = sql + "".join(f'["{key}"]' for key in keys)
    return walked if len(keys) < 2 else f'coalesce({sql}["{".".join(keys)}"], {walked})'
