"""A declared mapping from rows of somebody's own table to calls, runs or outcomes; where the rows come from, others say.

One configured source fills one entity; a table that holds several feeds several sources. What a lake column is made of is a
column of the table, a constant or a template, with a map of values and a form of time (``mapped_columns.py``).

A row that does not fit its mapping is a row of ``rejected_records``, naming line and column, and the others count (rule R33);
of a call whose counts cannot be read the usage is not known. A table no row of which fits is refused: the mapping is wrong. A
column the mapping names and the table lacks is ``SourceChangedShape``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reconcilers import naming
from reconcilers.errors import SourceRejected
from reconcilers.ingest.lake import ENTITIES, METERS, most_of, schema
from reconcilers.money import parse_amount, round_half_away
from reconcilers.periods import A_SECOND, check_instant
from reconcilers.sources.contract import SourceConfig
from reconcilers.sources.folders import open_unpacked
from reconcilers.sources.mapped_columns import (
    BLANK,
    Column,
    Row,
    fits,
    instant,
    json_row,
    lookup,
    mapped_text,
    origin_text,
    plain,
    read_json_lines,
    whole_lines,
)
from reconcilers.sources.rejected import Lost, Rejections
from reconcilers.sources.telemetry.base import TelemetrySource, hash_user
from reconcilers.sources.telemetry.user_columns import of_json_lines, written

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed

EntityRow = dict[str, Any]
Faults = list[tuple[str, str]]  # (source column, what is wrong with it)
Counts = dict[tuple[str, str | None, str | None], Decimal]  # (meter, modality, cache TTL) → quantity

_BATCH = 20_000
_CACHED = ("cache_read_input_tokens", "cache_write_input_tokens")
_INTEGER = re.compile(r"-?[0-9]{1,19}")

#: Lake columns with a closed list of values.
_ALLOWED = {
    "outcome": {"success", "failure", "partial"},
    "emitter": {"system_of_record", "human", "evaluator", "sdk"},
    "span_kind": {"model", "tool", "other"},
    "usage_source": {"provider", "estimated", "missing"},
    "declared_kind": {"primary", "retry", "fallback", "escalation", "worker"},
    "batch": {"true", "false"},
}
#: Words that set a price, which are compared without case, as on bills.
_CASELESS = {"service_tier", "batch", "context_band", "geography", "speed"}
#: Filled by the reader, so not open to mapping; and never null but with a default.
_OWN = {
    *("source", "landing_id", "landing_line", "landing_row", "dialect"),
    *("over_scopes", "usage", "usage_exclusive", "meters_told", "input_total", "output_total", "cached_total"),
    *("tells_cache", "emitter_tells_cache", "token_semantics", "token_semantics_by", "cache_exceeds_input"),
    "usage_inconsistent",
}
_DEFAULTED = {"usage_source", "billable", "answered_from_cache", "span_kind"}
#: What no count of one call exceeds, in its meter's own unit; sums of it must stay in INT64 (rule R17).
_MAX_COUNT = Decimal(10**12)


class Duration(BaseModel):
    """How long something took, in a column of its own: a whole number of ``unit``."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    column: str
    """The table's own column."""
    unit: Literal["seconds", "milliseconds", "microseconds", "nanoseconds"]
    """What one of it is."""

    def of(self, row: Row) -> timedelta:
        """Raises ``ValueError`` where the row does not tell it."""
        if (text := plain(lookup(row, self.column))) is None:
            raise ValueError(f"{self.column} is empty, and with it how long it took")
        if (told := _whole(text)) < 0:
            raise ValueError(f"{self.column} is negative: {told}")
        return timedelta(microseconds=told * 10**6 // A_SECOND[self.unit])


class TelemetryColumn(Column):
    """A column of a call, run or outcome; a time may be told by when something began and how long it took."""

    duration: Duration | None = Field(default=None, examples=[{"column": "Duration", "unit": "nanoseconds"}])
    """What is added to a time: how long it took, where the table tells when it began and not when it ended."""

    def reads(self) -> list[str]:
        return [*super().reads(), *([self.duration.column] if self.duration else ())]


class Meter(BaseModel):
    """A source column that counts a meter. ``unit`` is what one of it is in the meter's own unit: ``1000`` for thousands."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    meter: str
    """A meter, such as `input_tokens` (`docs/lake.md`)."""
    column: str
    """The table's own column."""
    unit: str = "1"
    """How many of the meter's own unit one of the column is: `1000` for thousands of tokens."""
    modality: Literal["text", "image", "audio", "video"] | None = None
    """What the count is of, where prices tell."""
    cache_ttl: str | None = None
    """How long what was written to the cache is kept: `5m`, `30m`, `1h`."""

    @model_validator(mode="after")
    def _is_meter(self) -> Meter:
        if self.meter not in METERS:
            raise ValueError(f"{self.meter!r:.60} is no meter; use {', '.join(METERS)}")
        if parse_amount(self.unit) <= 0:
            raise ValueError("unit must be positive")
        return self


class Usage(BaseModel):
    """How the counts partition: ``inclusive`` input counts contain the cache reads and writes, ``exclusive`` ones do not."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    semantics: Literal["inclusive", "exclusive"]
    """Whether input counts contain the cache reads and writes."""
    meters: tuple[Meter, ...]
    """The columns that count."""


class Dedupe(BaseModel):
    """Rows of one file with equal ``key`` columns are one row: the first or the last of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    key: tuple[str, ...]
    """The columns that are equal."""
    keep: Literal["first", "last"]
    """Which of the rows counts."""


#: How ``reconcile init`` begins a mapping of calls and one of outcomes.
BEGIN_CALLS = """\
entity: calls
columns:  # column of the lake (docs/lake.md): column of your table
  record_id: call_id
  ended_at: {column: ended_at, time: iso}
  event_id: event_id  # what the call was for: one ticket, one report
  run_id: run_id  # the attempt at it
  tenant_id: tenant_id
  feature_id: feature_id
  provider: provider  # openai, anthropic, aws.bedrock, ...
  model: model
usage:
  semantics: inclusive  # input_tokens contains cached_tokens; else exclusive
  meters:
    - {meter: input_tokens, column: input_tokens}
    - {meter: cache_read_input_tokens, column: cached_tokens}
    - {meter: output_tokens, column: output_tokens}
"""
BEGIN_OUTCOMES = """\
entity: outcomes
columns:
  event_id: event_id
  outcome: {column: outcome, map: {resolved: success, "*": failure}}  # success, failure or partial
  emitter: {constant: system_of_record}
  occurred_at: {column: occurred_at, time: iso}
"""


class MappingConfig(SourceConfig):
    """What a row is, and where each column of it comes from."""

    #: Of a table whose columns are known: what of a row is each column of the lake, where the settings do not say otherwise.
    told_by_every_row: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    entity: Literal["calls", "runs", "outcomes"] = Field(examples=["calls"])
    """What a row is; a table that holds several feeds several sources."""
    columns: dict[str, TelemetryColumn] = Field(
        examples=[{"event_id": "ticket", "ended_at": {"column": "ts", "time": "epoch_ms"}}]
    )
    """Where each column of the lake (`docs/lake.md`) comes from: the name of a column, or how it is made."""
    usage: Usage | None = Field(default=None)
    """Which columns count what the call used; calls only."""
    where: dict[str, str | tuple[str, ...]] = Field(default={}, examples=[{"kind": ["chat", "embedding"]}])
    """Keeps the rows whose columns have one of the given texts."""
    dedupe: Dedupe | None = Field(default=None, examples=[{"key": ["id"], "keep": "last"}])
    """Makes rows of one file with equal columns one row."""

    @model_validator(mode="before")
    @classmethod
    def _with_what_every_row_tells(cls, value: Any) -> Any:
        given = value.get("columns", {}) if cls.told_by_every_row and isinstance(value, dict) else None
        return value | {"columns": {**cls.told_by_every_row, **given}} if isinstance(given, dict) else value

    @model_validator(mode="after")
    def _columns_fit_entity(self) -> MappingConfig:
        types = column_types(self.entity)
        if unknown := sorted(set(self.columns) - (set(types) - _OWN)):
            raise ValueError(f"not columns of {self.entity} open to mapping: {', '.join(unknown)}")
        required = {name for name, kind in types.items() if kind.endswith("!")} - _OWN - _DEFAULTED
        if missing := sorted(required - set(self.columns)):
            raise ValueError(f"{self.entity} needs a mapping for: {', '.join(missing)}")
        if self.usage and self.entity != "calls":
            raise ValueError("only calls have usage")
        if late := sorted(
            n for n, column in self.columns.items() if column.duration and types[n].rstrip("!") != "timestamp"
        ):
            raise ValueError(f"only a time has a duration: {', '.join(late)}")
        for cost, currency in (("reported_cost", "reported_currency"), ("outcome_value", "value_currency")):
            if cost in self.columns and currency not in self.columns:
                raise ValueError(f"{cost} needs {currency}")
        return self

    def reads(self) -> list[str]:
        """Every source column the mapping names, in a stable order."""
        names = [name for column in self.columns.values() for name in column.reads()]
        names += [meter.column for meter in self.usage.meters] if self.usage else []
        names += [*self.where, *(self.dedupe.key if self.dedupe else ())]
        return list(dict.fromkeys(names))


class MappingSource(TelemetrySource):
    """Landed rows become lake rows by a declared mapping. Subclasses say where the rows come from."""

    config: MappingConfig

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        rejections, taken = Rejections(self.name, landed.landing_id), 0
        for landed_object in landed.objects:
            rows = self._entity_rows(landed_object.name, landed.path(landed_object), rejections)
            while batch := list(islice(rows, _BATCH)):
                taken += len(batch)
                yield self.config.entity, self._table(landed.landing_id, batch)
        if rejections.rows:
            if not taken and not self.config.where:
                first = rejections.rows[0]
                raise self._rejected(first["unit"], first["landing_line"], first["reason"])
            yield "rejected_records", rejections.table()

    def without_user(self, path: Path, name: str, user_id: str, out: BinaryIO) -> int:
        def tells(content: bytes) -> bool:
            row = json_row(content) if content.strip(BLANK) else None
            return isinstance(row, dict) and self._tells_user(row, user_id, name)

        with open_unpacked(path, name, source=self.name) as stream:
            return written(out, of_json_lines(whole_lines(stream), self._user_columns, tells))

    @cached_property
    def _user_columns(self) -> list[str]:
        """The table's columns that tell the user's id and nothing else."""
        others = [
            name for lake, column in self.config.columns.items() if lake != "user_hash" for name in column.reads()
        ]
        others += [meter.column for meter in self.config.usage.meters] if self.config.usage else []
        others += [*self.config.where, *(self.config.dedupe.key if self.config.dedupe else ())]
        told = self.config.columns["user_hash"].reads() if "user_hash" in self.config.columns else []
        return [
            name
            for name in told
            if not any(f"{one}.".startswith(f"{name}.") or f"{name}.".startswith(f"{one}.") for one in others)
        ]

    def _tells_user(self, row: Row, user_id: str, unit: str) -> bool:
        """Whether that is the user's id in a row, as it stands in its column or as the mapping makes it. Raises ``SourceRejected``
        where it cannot go alone."""
        column = self.config.columns.get("user_hash")
        if column is None or not column.reads():
            return False
        told = set()
        for text in self._user_texts:
            with suppress(ValueError):  # no id is in what cannot be read
                told.add(text(row))
        if user_id in told and not self._user_columns:
            columns = ", ".join(column.reads())
            raise self._rejected(
                unit,
                None,
                f"column {columns} tells the user's id and something else, which would be lost with it",
                "map the other from another column first",
            )
        return user_id in told

    @cached_property
    def _user_texts(self) -> list[Callable[[Row], str | None]]:
        """What of a row is the user's id: as the mapping makes it, and as it stands in its column."""
        column = self.config.columns["user_hash"]
        return [mapped_text(column), *([origin_text(column)] if column.column is not None else ())]

    def _entity_rows(self, unit: str, path: Path, rejections: Rejections) -> Iterator[EntityRow]:
        """Lake rows of one file in its order, after ``where`` and ``dedupe``; what cannot be read is rejected."""
        to_entity = self._entity_reader()
        kept = self._kept_lines(unit, path)
        for line, row in self._rows(unit, path):
            if isinstance(row, Lost):
                rejections.add(unit, line, row.reason, row.size)
                continue
            try:
                if not fits(row, self.config.where) or (kept is not None and kept[self._key(row)] != line):
                    continue
                entity_row, faults = to_entity(row)
            except ValueError as error:
                rejections.add(unit, line, str(error), _size(row))
                continue
            for column, problem in faults:
                day = entity_row.get("ended_at") or entity_row.get("occurred_at")
                rejections.add(unit, line, problem, _size(row), column, day.date() if day else None)
            yield {**entity_row, "landing_line": line}

    def _kept_lines(self, unit: str, path: Path) -> dict[tuple[str | None, ...], int] | None:
        """For every de-duplication key the line that stands for it."""
        if self.config.dedupe is None:
            return None
        kept: dict[tuple[str | None, ...], int] = {}
        for line, row in self._rows(unit, path):
            with suppress(ValueError):  # such a row is rejected when it is read
                if isinstance(row, Lost) or not fits(row, self.config.where):
                    continue
                if self.config.dedupe.keep == "last":
                    kept[self._key(row)] = line
                else:
                    kept.setdefault(self._key(row), line)
        return kept

    def _key(self, row: Row) -> tuple[str | None, ...]:
        return tuple(plain(lookup(row, name)) for name in self.config.dedupe.key) if self.config.dedupe else ()

    def _entity_reader(self) -> Callable[[Row], tuple[EntityRow, Faults]]:
        """The function from a source row to a lake row without its landing columns, and (source column, problem) of what of
        it cannot be read. It raises ``ValueError`` for a row that lacks what must be told."""
        types = column_types(self.config.entity)
        readers = {name: _typed(name, types[name], column) for name, column in self.config.columns.items()}
        optional = {name: ", ".join(self.config.columns[name].reads()) for name in readers if types[name][-1] != "!"}
        usage = self.config.usage

        def read(row: Row) -> tuple[EntityRow, Faults]:
            entity_row: EntityRow = {}
            faults: Faults = []
            for name, reader in readers.items():
                try:
                    entity_row[name] = reader(row)
                except ValueError as error:
                    if name not in optional:
                        raise
                    entity_row[name] = None
                    faults.append((optional[name], str(error)))
            if "user_hash" in entity_row:
                entity_row["user_hash"] = hash_user(entity_row["user_hash"], self.user_key)
            if self.config.entity == "calls":
                entity_row["dialect"] = "mapped"
                for name, default in (("billable", True), ("answered_from_cache", False)):
                    entity_row[name] = default if entity_row.get(name) is None else entity_row[name]
                entity_row["span_kind"] = entity_row.get("span_kind") or (
                    "model" if entity_row["billable"] else "other"
                )
                entity_row["provider"] = naming.provider(entity_row.get("provider"))
                used = _used(row, usage, faults)
                has_usage = bool(used["usage"])
                used["usage_source"] = (entity_row.get("usage_source") or "provider") if has_usage else "missing"
                entity_row |= used
            return entity_row, faults

        return read

    def _table(self, landing_id: str, rows: list[EntityRow]) -> pa.Table:
        import pyarrow as pa

        own: EntityRow = {"source": self.name, "landing_id": landing_id}
        shape = schema(self.config.entity)
        columns = {n: [own[n]] * len(rows) if n in own else [row.get(n) for row in rows] for n in shape.names}
        return pa.Table.from_pydict(columns, schema=shape)

    def _rows(self, unit: str, path: Path) -> Iterator[tuple[int, Row | Lost]]:
        """(line, row) of one landed object, which is NDJSON unless a subclass says otherwise."""
        return read_json_lines(path, unit, source=self.name)

    def _rejected(self, unit: str, line: int | None, problem: str, hint: str | None = None) -> SourceRejected:
        return SourceRejected(
            problem, source=self.name, file=unit, line=line, hint=hint or "correct the table or the mapping"
        )


def column_types(entity: str) -> dict[str, str]:
    """Lake column → its type as ``lake.ENTITIES`` writes it, ``!`` marking one that is never null."""
    return {line.split()[0]: line.split()[1] for line in ENTITIES[entity].split("\n") if line}


def _size(row: Row) -> int:
    """About how many bytes a row has: those of its JSON."""
    return len(json.dumps(row, default=str, separators=(",", ":")))


def _typed(name: str, kind: str, column: TelemetryColumn) -> Callable[[Row], Any]:
    """The reader of one lake column: text from its origin, through its map, to its type."""
    text = mapped_text(column)
    convert = _converter(name, kind.rstrip("!"), column)
    required = kind.endswith("!") and name not in _DEFAULTED

    def read(row: Row) -> Any:
        try:
            found = text(row)
            if found is None and required:
                raise ValueError("is empty and must not be")
            if found is None or not column.duration:
                return None if found is None else convert(found)
            ended: datetime = convert(found) + column.duration.of(row)
            check_instant(ended)
            return ended
        except (ValueError, OverflowError, ArithmeticError) as error:
            origin = ", ".join(column.reads()) or "a constant"
            raise ValueError(f"column {name} (from {origin}): {error}") from error

    return read


def _converter(name: str, kind: str, column: Column) -> Callable[[str], Any]:
    if kind == "timestamp":
        return lambda text: instant(text, column.time)
    if kind == "money":
        return lambda text: round_half_away(parse_amount(text))
    if kind == "int64":
        return _whole if name != "sampling_probability_millionths" else _millionths
    if kind == "bool":
        return _flag
    allowed = _ALLOWED.get(name)

    def check(text: str) -> str:
        text = text.lower() if name in _CASELESS else text
        if allowed and text not in allowed:
            raise ValueError(f"{text!r:.60} is not one of {', '.join(sorted(allowed))}")
        text.encode()
        return text

    return check


def _whole(text: str) -> int:
    if not _INTEGER.fullmatch(text) or abs(int(text)) >= 1 << 63:
        raise ValueError(f"{text!r:.60} is no whole number of 64 bits")
    return int(text)


def _millionths(text: str) -> int:
    if not 0 <= _whole(text) <= 10**6:
        raise ValueError(f"{text!r:.60} is no probability in millionths")
    return int(text)


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r:.60} is neither true nor false")
    return text.lower() == "true"


def _used(row: Row, usage: Usage | None, faults: Faults) -> EntityRow:
    """What a row says of its usage: the partition, and what R29 and R31 ask of its sides. A count that is none leaves the
    usage not known and is a fault. What would go below zero as the mapping has it stays as told (R31)."""
    counts: Counts = {}
    for meter in usage.meters if usage else ():
        try:
            quantity = _quantity(plain(lookup(row, meter.column)), meter)
        except ValueError as error:
            faults.append((meter.column, f"usage {meter.meter} (from {meter.column}): {error}"))
            counts = {}
            break
        if quantity is not None:
            key = (meter.meter, meter.modality, meter.cache_ttl)
            counts[key] = counts.get(key, Decimal(0)) + quantity
    told = {meter for meter, _, _ in counts}
    cached = {key: _cached(counts, key[1]) for key in counts if key[0] == "input_tokens"}
    below_zero = False
    if usage and usage.semantics == "inclusive":
        below_zero = any(cached[key] > counts[key] for key in cached)
        counts |= {key: counts[key] - cached[key] for key in cached if cached[key] <= counts[key]}

    def total(*meters: str) -> int:
        return int(sum(quantity for (meter, _, _), quantity in counts.items() if meter in meters))

    tells_cache = bool(told & {*_CACHED})
    return {
        "usage": [
            {"meter": meter, "modality": modality, "cache_ttl": ttl, "quantity": round_half_away(quantity)}
            for (meter, modality, ttl), quantity in counts.items()
            if quantity > 0
        ],
        "meters_told": len({(meter, ttl) for meter, _, ttl in counts}),
        "input_total": total("input_tokens", *_CACHED) if "input_tokens" in told else None,
        "output_total": total("output_tokens") if "output_tokens" in told else None,
        "cached_total": total(*_CACHED) if tells_cache else None,
        "tells_cache": tells_cache,
        "token_semantics": usage.semantics if usage and tells_cache else None,
        "token_semantics_by": "setting" if tells_cache else None,
        "cache_exceeds_input": False,
        "usage_inconsistent": below_zero,
    }


def _quantity(text: str | None, meter: Meter) -> Decimal | None:
    if text is None:
        return None
    quantity = parse_amount(text) * parse_amount(meter.unit)
    if quantity < 0:
        raise ValueError(f"{text} is negative")
    if quantity > min(_MAX_COUNT, most_of(meter.meter)):
        raise ValueError(f"{text!r:.60} is more than one call can have")
    if meter.meter.endswith("_tokens") and quantity % 1:
        raise ValueError(f"{text!r:.60} is no whole number of tokens")
    return quantity


def _cached(counts: Counts, modality: str | None) -> Decimal:
    """What cache reads and writes of one modality count together."""
    return sum((q for (meter, m, _), q in counts.items() if meter in _CACHED and m == modality), Decimal(0))
