"""A declared mapping: what each column of ours is made of, in rows of somebody's own table, and how such a table is read.

A column of ours is one of

    model: model_name                                    # a source column; ``message.usage.input`` walks nested objects
    provider: {constant: anthropic}
    run_id: {template: "{suite_run}|{model}"}            # null when a part is missing
    outcome: {column: success, map: {"True": success, "*": failure}}   # the first pattern that fits; ``*`` is any text
    ended_at: {column: ts, time: epoch_ms}               # iso (default), epoch_s, epoch_ms, epoch_us, epoch_ns, strptime

A path goes on into a column that holds a JSON text. Numbers keep their text, never passing through a binary float. What a
column means, and what becomes of a row that cannot be read, says the source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.money import parse_amount
from reconcilers.periods import EPOCH, check_instant, parse_instant, unit_of_epoch
from reconcilers.sources import tabular
from reconcilers.sources.contract import or_text
from reconcilers.sources.folders import open_unpacked
from reconcilers.sources.rejected import Lost, unreadable, why_unreadable

Row = Mapping[str, Any]

_MAX_LINE = 16 << 20
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_EPOCH_MICROSECONDS = {
    "epoch_s": Decimal(10**6),
    "epoch_ms": Decimal(1000),
    "epoch_us": Decimal(1),
    "epoch_ns": Decimal("0.001"),
}
_EPOCH_UNITS = {
    "epoch_s": "seconds",
    "epoch_ms": "milliseconds",
    "epoch_us": "microseconds",
    "epoch_ns": "nanoseconds",
}

#: Blanks, and the NUL bytes that rotation leaves at a file's head on some file systems.
BLANK = b" \t\r\n\0"

_PART = re.compile(r"\{([^{}]+)\}")


class Column(BaseModel):
    """Where one column of ours comes from: exactly one of ``column``, ``constant``, ``template``; then ``map``; then its type."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, json_schema_extra=or_text)

    column: str | None = Field(default=None, examples=["message.usage.input"])
    """The table's own column; dots walk nested objects, maps and JSON texts, whose keys may have dots, too."""
    constant: str | None = Field(default=None, examples=["anthropic"])
    """One value for every row."""
    template: str | None = Field(default=None, examples=["{suite_run}|{model}"])
    """A text with columns in braces; null when one of them is missing."""
    map: dict[str, str | None] | None = Field(default=None, examples=[{"True": "success", "*": "failure"}])
    """What a value means: the first pattern that fits; `*` is any text."""
    time: str = "iso"
    """How a time is written: `iso`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, or a form as `strptime` has it."""

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


def read(path: Path, file: str, names: Iterable[str], *, source: str) -> Iterator[tuple[int, Row | Lost]]:
    """(line, row) of a CSV or Parquet table, with the columns that ``names`` need; in Parquet the line is the row's number.

    Raises ``SourceChangedShape`` where the table has no such column. A CSV row that does not fit its header, or what was
    landed in place of one, is ``Lost``.
    """
    lost: list[tuple[int, Row | Lost]] = []
    wanted = partial(select, names=list(names), file=file, source=source)
    for batch in tabular.read(path, file, wanted, source=source, lose=partial(_lose, lost)):
        columns = list(batch.columns)
        rows: Iterator[tuple[int, Row | Lost]] = (
            (line, dict(zip(columns, texts, strict=True)))
            for line, *texts in zip(batch.lines, *batch.columns.values(), strict=True)
        )
        yield from merge(lost, rows, key=itemgetter(0))
        lost.clear()


def read_json_lines(path: Path, file: str, *, source: str) -> Iterator[tuple[int, Row | Lost]]:
    """(line, row) of a file of a JSON object a line."""
    with open_unpacked(path, file, source=source) as stream:
        for line, content in enumerate(whole_lines(stream), 1):
            if content.strip(BLANK):
                yield line, json_row(content)


def read_all(
    path: Path, file: str, names: Iterable[str], *, form: str, source: str, hint: str
) -> Iterator[tuple[int, Row]]:
    """(line, row) of a table of the ``form`` ``csv``, ``ndjson`` or ``parquet``. Raises ``SourceRejected`` for a row that cannot be read."""
    rows = read_json_lines(path, file, source=source) if form == "ndjson" else read(path, file, names, source=source)
    for line, row in rows:
        if isinstance(row, Lost):
            raise SourceRejected(row.reason, source=source, file=file, line=line, hint=hint)
        yield line, row


def select(header: Sequence[str], *, names: Sequence[str], file: str, source: str) -> dict[str, str]:
    """Which columns of a table to read, in its order; refuses one that lacks a mapped column. A path starts with one."""
    columns = {name: name if name in header else name.partition(".")[0] for name in names}
    if absent := next((name for name, column in columns.items() if column not in header), None):
        raise changed(f"no column {absent!r:.80}", table=file, source=source)
    return {name: name for name in sorted(set(columns.values()), key=header.index)}


def changed(problem: str, *, table: str, source: str) -> SourceChangedShape:
    """A table that has not the shape its mapping says."""
    hint = "the table changed or the mapping is wrong; correct the mapping"
    return SourceChangedShape(problem, source=source, file=table, hint=hint)


def fits(row: Row, where: Mapping[str, str | Sequence[str]]) -> bool:
    """Whether each column that ``where`` names has the given text, or one of the given texts; ``""`` is an empty one's."""
    wanted = {name: {texts} if isinstance(texts, str) else set(texts) for name, texts in where.items()}
    return all((plain(lookup(row, name)) or "") in texts for name, texts in wanted.items())


def asked_empty(where: Mapping[str, str | Sequence[str]]) -> set[str]:
    """The columns that ``where`` asks to be empty, as one that is not there is, too."""
    return {name for name, texts in where.items() if "" in ([texts] if isinstance(texts, str) else texts)}


def _lose(lost: list[tuple[int, Row | Lost]], line: int, problem: str, fields: list[str]) -> None:
    """Note a CSV row that does not fit its header, or what is landed in its place."""
    stated = why_unreadable(fields[0].encode()) if len(fields) == 1 else None
    lost.append((line, stated or Lost(problem, len(",".join(fields).encode()))))


def whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream; of one too long to read, that it is."""
    while content := stream.readline(_MAX_LINE):
        size = len(content)
        while content and not content.endswith(b"\n") and size >= _MAX_LINE:
            content = stream.readline(_MAX_LINE)
            size += len(content)
        yield content if size < _MAX_LINE else unreadable(f"a line of more than {_MAX_LINE >> 20} MiB", size)


def lookup(row: Row, name: str) -> Any:
    """The value under ``name``, which is a column or else a dotted path into nested objects, maps or JSON texts; None where there
    is none. Raises ``ValueError`` for a text on the path that is no JSON, or where that is what is landed in its place."""
    if name in row:
        if isinstance(text := row[name], str) and (lost := why_unreadable(text.encode("utf-8", "replace"))):
            raise ValueError(lost.reason)
        return row[name]
    return _below(row, name.split("."))


def _below(found: Any, parts: Sequence[str]) -> Any:
    """What lies under the parts of a path. Names of attributes have dots of their own, so the longest one that is there is taken."""
    if not parts:
        return found
    if isinstance(found, str):
        found = _json_text(found)
    if not isinstance(found, Mapping):
        return None
    for size in range(len(parts), 0, -1):
        if (key := ".".join(parts[:size])) in found:
            return _below(found[key], parts[size:])
    return None


def mapped_values(row: Row, names: Iterable[str]) -> Row:
    """What of a row is landed as JSON: the values the mapping names and no other, which may hold prompts or completions. Of an
    object or a list only that it is one."""
    told = {name: found(row, name) for name in names}
    return {name: type(v)() if isinstance(v, Mapping | list) else v for name, v in told.items() if v is not None}


def found(row: Row, name: str) -> Any:
    """What is under a name. Of a text on its path that is no JSON, which may be any text, that it is none."""
    try:
        return lookup(row, name)
    except ValueError:
        return unreadable("the text on its path is no JSON", 0).decode()


@lru_cache(maxsize=16)
def _json_text(text: str) -> Any:
    """What a JSON text holds; several paths of one row lead into one text."""
    if not text.strip():
        return None
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ValueError("the text on its path is no JSON") from None


def json_row(content: bytes) -> Row | Lost:
    """What one line of JSON holds, decimals as they are written."""
    if lost := why_unreadable(content):
        return lost
    try:
        row = json.loads(content.lstrip(b"\0"), parse_float=Decimal, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return Lost(f"not a JSON object: {error}", len(content))
    except (ValueError, RecursionError) as error:
        return Lost(f"not a JSON object: {error!s:.120}", len(content))
    return row if isinstance(row, dict) else Lost(f"not a JSON object: a {type(row).__name__}", len(content))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def mapped_text(column: Column, *, keeps_others: bool = False) -> Callable[[Row], str | None]:
    """The function from a row to a column's text, after its ``map``. Of a text that fits no pattern it raises ``ValueError``, or
    with ``keeps_others`` gives it as it is."""
    origin = origin_text(column)
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
        if keeps_others:
            return found or None
        raise ValueError(f"{found!r:.60} fits no pattern of its map")

    return mapped


def origin_text(column: Column) -> Callable[[Row], str | None]:
    """The function from a row to a column's text, before its ``map``."""
    if column.constant is not None:
        return lambda row: column.constant
    if column.column is not None:
        source_column = column.column
        return lambda row: plain(lookup(row, source_column))
    pieces = _PART.split(column.template or "")  # text, name, text, name, …, text

    def fill(row: Row) -> str | None:
        parts = [plain(lookup(row, piece)) if index % 2 else piece for index, piece in enumerate(pieces)]
        if column.map is None and None in parts:
            return None
        return "".join(part or "" for part in parts)

    return fill


def plain(value: Any) -> str | None:
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


def instant(text: str, form: str) -> datetime:
    """Naive UTC. Epoch numbers are scaled exactly and cut to microseconds. Raises ``ValueError`` for a time in another unit."""
    if form in _EPOCH_MICROSECONDS and unit_of_epoch(number := _number(text)) != _EPOCH_UNITS[form]:
        looks = f"; it looks like {told}" if (told := unit_of_epoch(number)) else ""
        raise ValueError(f"{text!r:.60} is no time in {_EPOCH_UNITS[form]}, as the mapping says{looks}")
    instant = _any_instant(text, form)
    check_instant(instant)
    return instant


def _any_instant(text: str, form: str) -> datetime:
    if form == "iso":
        return parse_instant(text)
    if form in _EPOCH_MICROSECONDS:
        return EPOCH + timedelta(microseconds=int(_number(text) * _EPOCH_MICROSECONDS[form] // 1))
    parsed = datetime.strptime(text, form)
    return parsed.astimezone(UTC).replace(tzinfo=None) if parsed.tzinfo else parsed


def _number(text: str) -> Decimal:
    """A count from 1970, which in nanoseconds has more digits than an amount."""
    return Decimal(text) if _INTEGER.fullmatch(text) else parse_amount(text)
