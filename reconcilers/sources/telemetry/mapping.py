"""A declared mapping from rows of somebody's own table to calls, runs or outcomes; where the rows come from, others say.

One configured source fills one entity; a table that holds several feeds several sources. Every lake column is one of

    model: model_name                                    # a source column; ``message.usage.input`` walks nested objects
    provider: {constant: anthropic}
    run_id: {template: "{suite_run}|{model}"}            # null when a part is missing
    outcome: {column: success, map: {"True": success, "*": failure}}   # the first pattern that fits; ``*`` is any text
    ended_at: {column: ts, time: epoch_ms}               # iso (default), epoch_s, epoch_ms, epoch_us, epoch_ns, strptime

Numbers are parsed from their text, never through a binary float. A row that does not fit its mapping rejects its file,
naming line and column; a column the mapping names and the table lacks is ``SourceChangedShape``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reconcilers import naming
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.ingest.lake import ENTITIES, schema
from reconcilers.money import parse_amount, round_half_away
from reconcilers.periods import parse_instant
from reconcilers.sources.contract import SourceConfig
from reconcilers.sources.folders import open_unpacked
from reconcilers.sources.telemetry.base import TelemetrySource, hash_user

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed

Row = Mapping[str, Any]
EntityRow = dict[str, Any]
Counts = dict[tuple[str, str | None, str | None], Decimal]  # (meter, modality, cache TTL) → quantity

_BATCH = 20_000
_MAX_LINE = 16 << 20
_EPOCH = datetime(1970, 1, 1)
_EPOCH_MICROSECONDS = {
    "epoch_s": Decimal(10**6),
    "epoch_ms": Decimal(1000),
    "epoch_us": Decimal(1),
    "epoch_ns": Decimal("0.001"),
}
_PART = re.compile(r"\{([^{}]+)\}")

#: Lake columns with a closed list of values.
_ALLOWED = {
    "outcome": {"success", "failure", "partial"},
    "emitter": {"system_of_record", "human", "evaluator", "sdk"},
    "usage_source": {"provider", "estimated", "missing"},
    "declared_kind": {"primary", "retry", "fallback", "escalation", "worker"},
    "batch": {"true", "false"},
}
#: Filled by the reader, so not open to mapping; and never null but with a default.
_OWN = {
    *("source", "landing_id", "landing_line", "landing_row", "dialect", "scope_name", "scope_version", "span_kind"),
    *("over_scopes", "usage", "usage_exclusive", "meters_told", "input_total", "output_total", "cached_total"),
    *("tells_cache", "emitter_tells_cache", "token_semantics", "token_semantics_by", "cache_exceeds_input"),
    "usage_inconsistent",
}
_DEFAULTED = {"usage_source", "billable", "answered_from_cache"}


class Column(BaseModel):
    """Where one lake column comes from: exactly one of ``column``, ``constant``, ``template``; then ``map``; then its type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    constant: str | None = None
    template: str | None = None
    map: dict[str, str | None] | None = None
    time: str = "iso"

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> Column:
        if sum(v is not None for v in (self.column, self.constant, self.template)) != 1:
            raise ValueError("give exactly one of column, constant, template")
        return self

    def reads(self) -> list[str]:
        """The source columns this one needs."""
        return [self.column] if self.column is not None else _PART.findall(self.template or "")


class Meter(BaseModel):
    """A source column that counts a meter. ``unit`` is what one of it is in the meter's own unit: ``1000`` for thousands."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    meter: str
    column: str
    unit: str = "1"
    modality: str | None = None
    cache_ttl: str | None = None

    @model_validator(mode="after")
    def _unit_is_positive(self) -> Meter:
        if parse_amount(self.unit) <= 0:
            raise ValueError("unit must be positive")
        return self


class Usage(BaseModel):
    """How the counts partition: ``inclusive`` input counts contain the cache reads and writes, ``exclusive`` ones do not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    semantics: Literal["inclusive", "exclusive"]
    meters: tuple[Meter, ...]


class Dedupe(BaseModel):
    """Rows of one file with equal ``key`` columns are one row: the first or the last of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: tuple[str, ...]
    keep: Literal["first", "last"]


class MappingConfig(SourceConfig):
    """A mapping; ``where`` keeps the rows whose columns have one of the given texts."""

    entity: Literal["calls", "runs", "outcomes"]
    columns: dict[str, Column]
    usage: Usage | None = None
    where: dict[str, str | tuple[str, ...]] = Field(default={})
    dedupe: Dedupe | None = None

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
        for landed_object in landed.objects:
            batch: list[EntityRow] = []
            for row in self._entity_rows(landed_object.name, landed.path(landed_object)):
                batch.append(row)
                if len(batch) == _BATCH:
                    yield self.config.entity, self._table(landed.landing_id, batch)
                    batch = []
            if batch:
                yield self.config.entity, self._table(landed.landing_id, batch)

    def _entity_rows(self, unit: str, path: Path) -> Iterator[EntityRow]:
        """Lake rows of one file in its order, after ``where`` and ``dedupe``."""
        to_entity = self._entity_reader()
        kept = self._kept_lines(unit, path)
        for line, row in self._selected(unit, path):
            if kept is None or kept[self._key(row)] == line:
                try:
                    yield {**to_entity(row), "landing_line": line}
                except ValueError as error:
                    raise self._rejected(unit, line, str(error)) from error

    def _kept_lines(self, unit: str, path: Path) -> dict[tuple[str | None, ...], int] | None:
        """For every de-duplication key the line that stands for it."""
        if self.config.dedupe is None:
            return None
        kept: dict[tuple[str | None, ...], int] = {}
        for line, row in self._selected(unit, path):
            if self.config.dedupe.keep == "last":
                kept[self._key(row)] = line
            else:
                kept.setdefault(self._key(row), line)
        return kept

    def _key(self, row: Row) -> tuple[str | None, ...]:
        return tuple(_plain(lookup(row, name)) for name in self.config.dedupe.key) if self.config.dedupe else ()

    def _selected(self, unit: str, path: Path) -> Iterator[tuple[int, Row]]:
        wanted = {name: {v} if isinstance(v, str) else set(v) for name, v in self.config.where.items()}
        for line, row in self._rows(unit, path):
            if all(_plain(lookup(row, name)) in texts for name, texts in wanted.items()):
                yield line, row

    def _entity_reader(self) -> Callable[[Row], EntityRow]:
        """The function from a source row to a lake row without its landing columns. It raises ``ValueError``."""
        types = column_types(self.config.entity)
        readers = {name: _typed(name, types[name], column) for name, column in self.config.columns.items()}
        usage = self.config.usage

        def read(row: Row) -> EntityRow:
            entity_row = {name: reader(row) for name, reader in readers.items()}
            if self.config.entity == "calls":
                entity_row["dialect"] = "mapped"
                entity_row.setdefault("billable", True)
                entity_row["provider"] = naming.provider(entity_row.get("provider"))
                entity_row["user_hash"] = hash_user(entity_row.get("user_hash"), self.user_key)
                elements, entity_row["token_semantics"] = _partition(row, usage) if usage else ([], None)
                entity_row["usage"] = elements
                entity_row["usage_source"] = (entity_row.get("usage_source") or "provider") if elements else "missing"
                entity_row |= _told(elements, usage)
                entity_row.setdefault("span_kind", "model" if entity_row["billable"] else "other")
                entity_row.setdefault("answered_from_cache", False)
            return entity_row

        return read

    def _table(self, landing_id: str, rows: list[EntityRow]) -> pa.Table:
        import pyarrow as pa

        own: EntityRow = {"source": self.name, "landing_id": landing_id}
        shape = schema(self.config.entity)
        columns = {n: [own[n]] * len(rows) if n in own else [row.get(n) for row in rows] for n in shape.names}
        return pa.Table.from_pydict(columns, schema=shape)

    def _rows(self, unit: str, path: Path) -> Iterator[tuple[int, Row]]:
        """(line, row) of one landed object, which is NDJSON unless a subclass says otherwise."""
        line = 0
        with open_unpacked(path, unit, source=self.name) as stream:
            while content := stream.readline(_MAX_LINE):
                line += 1
                if content.strip():
                    try:
                        yield line, _json_object(content)
                    except (ValueError, RecursionError) as error:
                        raise self._rejected(unit, line, f"not a JSON object: {error}") from None

    def _rejected(self, unit: str, line: int | None, problem: str, hint: str | None = None) -> SourceRejected:
        return SourceRejected(
            problem, source=self.name, file=unit, line=line, hint=hint or "correct the table or the mapping"
        )

    def _changed(self, table: str, problem: str) -> SourceChangedShape:
        hint = "the table changed or the mapping is wrong; correct the mapping"
        return SourceChangedShape(problem, source=self.name, file=table, hint=hint)


def column_types(entity: str) -> dict[str, str]:
    """Lake column → its type as ``lake.ENTITIES`` writes it, ``!`` marking one that is never null."""
    return {line.split()[0]: line.split()[1] for line in ENTITIES[entity].split("\n") if line}


def lookup(row: Row, name: str) -> Any:
    """The value under ``name``, which is a column or else a dotted path into nested objects; None where there is none."""
    if name in row:
        return row[name]
    found: Any = row
    for part in name.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def _json_object(content: bytes) -> Row:
    if len(content) == _MAX_LINE:
        raise ValueError(f"a line of more than {_MAX_LINE >> 20} MiB")
    row = json.loads(content, parse_float=Decimal, parse_constant=_no_constant)
    if not isinstance(row, dict):
        raise ValueError(f"a {type(row).__name__}")
    return row


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _typed(name: str, kind: str, column: Column) -> Callable[[Row], Any]:
    """The reader of one lake column: text from its origin, through its map, to its type."""
    text = _mapped_text(column)
    convert = _converter(name, kind.rstrip("!"), column)
    required = kind.endswith("!") and name not in _DEFAULTED

    def read(row: Row) -> Any:
        try:
            found = text(row)
            if found is None and required:
                raise ValueError("is empty and must not be")
            return None if found is None else convert(found)
        except (ValueError, OverflowError, ArithmeticError) as error:
            origin = ", ".join(column.reads()) or "a constant"
            raise ValueError(f"column {name} (from {origin}): {error}") from error

    return read


def _mapped_text(column: Column) -> Callable[[Row], str | None]:
    origin = _origin_text(column)
    if column.map is None:
        return origin
    patterns = [
        (re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL), result)
        for pattern, result in column.map.items()
    ]

    def mapped(row: Row) -> str | None:
        found = origin(row) or ""
        for pattern, result in patterns:
            if pattern.fullmatch(found):
                return result
        raise ValueError(f"{found!r:.60} fits no pattern of its map")

    return mapped


def _origin_text(column: Column) -> Callable[[Row], str | None]:
    if column.constant is not None:
        return lambda row: column.constant
    if column.column is not None:
        source_column = column.column
        return lambda row: _plain(lookup(row, source_column))
    pieces = _PART.split(column.template or "")  # text, name, text, name, …, text

    def fill(row: Row) -> str | None:
        parts = [_plain(lookup(row, piece)) if index % 2 else piece for index, piece in enumerate(pieces)]
        if column.map is None and None in parts:
            return None
        return "".join(part or "" for part in parts)

    return fill


def _plain(value: Any) -> str | None:
    """The text of a value, trimmed; empty is None. A nested value has no text."""
    if isinstance(value, str):
        return value.strip() or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    raise ValueError(f"a {type(value).__name__} where one value was expected")


def _converter(name: str, kind: str, column: Column) -> Callable[[str], Any]:
    if kind == "timestamp":
        return lambda text: _instant(text, column.time)
    if kind == "money":
        return lambda text: round_half_away(parse_amount(text))
    if kind == "int64":
        return int
    if kind == "bool":
        return _flag
    allowed = _ALLOWED.get(name)

    def check(text: str) -> str:
        if allowed and text not in allowed:
            raise ValueError(f"{text!r:.60} is not one of {', '.join(sorted(allowed))}")
        text.encode()
        return text

    return check


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r:.60} is neither true nor false")
    return text.lower() == "true"


def _instant(text: str, form: str) -> datetime:
    """Naive UTC. Epoch numbers are scaled exactly and cut to microseconds."""
    if form == "iso":
        return parse_instant(text)
    if form in _EPOCH_MICROSECONDS:
        return _EPOCH + timedelta(microseconds=int(parse_amount(text) * _EPOCH_MICROSECONDS[form] // 1))
    parsed = datetime.strptime(text, form)
    return parsed.astimezone(UTC).replace(tzinfo=None) if parsed.tzinfo else parsed


def _partition(row: Row, usage: Usage) -> tuple[list[dict[str, Any]], str | None]:
    """The disjoint usage elements of a row and whether its input count was inclusive. All zero or absent is no usage.

    A row declared inclusive whose cache counts exceed its input count is exclusive: it cannot contain what exceeds it.
    """
    counts: Counts = {}
    for meter in usage.meters:
        text = _plain(lookup(row, meter.column))
        try:
            quantity = parse_amount(text) * parse_amount(meter.unit) if text else Decimal(0)
        except ValueError as error:
            raise ValueError(f"usage {meter.meter} (from {meter.column}): {error}") from error
        if quantity < 0:
            raise ValueError(f"usage {meter.meter} (from {meter.column}): {text} is negative")
        key = (meter.meter, meter.modality, meter.cache_ttl)
        counts[key] = counts.get(key, Decimal(0)) + quantity
    semantics: str = usage.semantics
    cached = {key: _cached(counts, key[1]) for key in counts if key[0] == "input_tokens"}
    if any(cached[key] > counts[key] for key in cached):
        semantics = "exclusive"
    if semantics == "inclusive":
        counts |= {key: counts[key] - cached[key] for key in cached}
    elements = [
        {"meter": meter_name, "modality": modality, "cache_ttl": ttl, "quantity": round_half_away(quantity)}
        for (meter_name, modality, ttl), quantity in counts.items()
        if quantity > 0
    ]
    return elements, semantics if elements else None


def _told(elements: list[dict[str, Any]], usage: Usage | None) -> dict[str, Any]:
    """What the usage of a row says of its sides: totals, cached tokens, meters told (R29, R31)."""

    def total(*meters: str) -> int | None:
        if not usage or not any(meter.meter in meters for meter in usage.meters):
            return None
        return int(sum(element["quantity"] for element in elements if element["meter"] in meters))

    cached = total("cache_read_input_tokens", "cache_write_input_tokens")
    return {
        "meters_told": len(usage.meters) if usage else 0,
        "input_total": total("input_tokens", "cache_read_input_tokens", "cache_write_input_tokens"),
        "output_total": total("output_tokens"),
        "cached_total": cached,
        "tells_cache": cached is not None,
        "cache_exceeds_input": False,
        "usage_inconsistent": False,
    }


def _cached(counts: Counts, modality: str | None) -> Decimal:
    """What cache reads and writes of one modality count together."""
    meters = ("cache_read_input_tokens", "cache_write_input_tokens")
    return sum((q for (meter, m, _), q in counts.items() if meter in meters and m == modality), Decimal(0))
