"""CSV and Parquet files as batches of text columns: one reader for every source that delivers tables.

Everything is text, as the file has it: a Parquet decimal is written out, a double by its shortest exact form, a time
in ISO 8601, a map as a JSON object. Nothing here knows what a column means. Memory is flat: one batch at a time.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, cast

from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.periods import A_SECOND, EPOCH, unit_of_epoch
from reconcilers.sources import csv_blocks
from reconcilers.sources.folders import Limits, open_unpacked
from reconcilers.sources.text_columns import NULLS, Texts, without_nulls

if TYPE_CHECKING:
    import pyarrow.parquet as pq

BATCH_ROWS = 20_000
#: No record of a table is longer, in characters.
_MAX_LINE = 16 << 20
#: How far into a file is looked for bytes that are no text.
_LOOK_AHEAD = 1 << 13
#: What spreadsheets of some countries, and databases, separate columns by.
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}

#: Notes a row that is none: its line, why, and its fields.
Lose = Callable[[int, str, list[str]], None]
#: header → {name to give: column of the file}; raises ``SourceChangedShape`` for a header it cannot use.
Select = Callable[[Sequence[str]], Mapping[str, str]]


@dataclass(frozen=True)
class Batch:
    """Consecutive rows as columns of text; ``lines[i]`` is where row ``i`` stands.

    A CSV row's line is the line of the file its record starts at (the header is line 1); a Parquet row's is its number.
    """

    lines: list[int]
    columns: dict[str, Texts]

    def column(self, name: str) -> Texts:
        """One of the columns, or of one that the file does not have nothing in every row."""
        return self.columns[name] if name in self.columns else Texts.repeated(None, len(self.lines))


def read(
    path: Path, name: str, select: Select, *, source: str | None = None, lose: Lose | None = None
) -> Iterator[Batch]:
    """The rows of one file, CSV (plain, gzip, zstd, zip) or Parquet, told by its first bytes.

    Raises ``SourceRejected`` for what is empty, corrupt or truncated, naming file and line. With ``lose`` a CSV row that has
    not as many fields as the header is told there, before the batch it would be in, and left out.
    """
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic == b"PARE":
        hint = "ask for it unencrypted; the folder's own encryption does"
        raise SourceRejected("is encrypted Parquet", source=source, file=name, hint=hint)
    return _parquet(path, name, select, source) if magic == b"PAR1" else _csv(path, name, select, source, lose)


class _Header(Exception):
    """Ends the reading of a file whose header is all that is asked for."""


def header(path: Path, name: str) -> list[str]:
    """The columns of one file. Raises what ``read`` does."""

    def only(columns: Sequence[str]) -> Mapping[str, str]:
        raise _Header(*columns)

    try:
        next(read(path, name, only))
    except _Header as found:
        return [str(column) for column in found.args]
    raise AssertionError("a table is read without a look at its header")


def named(
    required: Sequence[str], optional: Sequence[str] = (), *, source: str, file: str, hint: str | None = None
) -> Select:
    """Selects columns by their names in lower case, however the file writes them. A required one that is missing changes its shape."""

    def select(header: Sequence[str]) -> dict[str, str]:
        stored = {title.strip().lower(): title for title in reversed(header)}
        if missing := next((name for name in required if name not in stored), None):
            raise SourceChangedShape(f"no column {missing}", source=source, file=file, hint=hint)
        return {name: stored[name] for name in (*required, *optional) if name in stored}

    return select


def _csv(path: Path, name: str, select: Select, source: str | None, lose: Lose | None = None) -> Iterator[Batch]:
    with open_unpacked(path, name, source=source) as raw:
        line, first = 1, raw.readline(_MAX_LINE).removeprefix(codecs.BOM_UTF8)
        try:
            # What is no text at all is told so, and not by the columns that its first line lacks.
            codecs.getincrementaldecoder("utf-8")().decode(first + cast(io.BufferedReader, raw).peek(_LOOK_AHEAD))
            is_header = _is_one_record(first)
            records = csv.reader([first.decode()] if is_header else _lines(first, raw), strict=True)
            header = next(records, None)
            if not header:
                raise SourceRejected("no header", source=source, file=name, hint="ask for the file again; it is empty")
            if len(header) == 1 and (found := [word for sign, word in _SEPARATORS.items() if sign in header[0]]):
                raise SourceChangedShape(
                    f"its columns are separated by {found[0]}", source=source, file=name, hint="export it with commas"
                )
            wanted = select(_unique(header, name, source))
            places, before = [header.index(column) for column in wanted.values()], 0
            if is_header:
                blocks = csv_blocks.Blocks(raw, len(header), places, BATCH_ROWS)
                for of_block, columns in blocks:
                    yield Batch(of_block, dict(zip(wanted, columns, strict=True)))
                records, before = csv.reader(_lines(blocks.unread, raw), strict=True), blocks.line - 1
            width, pick, rows, lines = len(header), _picker(places), [], []
            line = before + records.line_num + 1
            for row in records:
                if len(row) != width:
                    problem = f"{len(row)} fields where the header has {width}"
                    if row and lose is None:
                        raise SourceRejected(problem, source=source, file=name, line=line)
                    if row and lose is not None:
                        lose(line, problem, row)
                else:
                    rows.append(pick(row))
                    lines.append(line)
                    if len(rows) == BATCH_ROWS:
                        yield Batch(lines, _columns(wanted, rows))
                        rows, lines = [], []
                line = before + records.line_num + 1
            yield Batch(lines, _columns(wanted, rows))
        except UnicodeDecodeError as error:
            raise _not_utf8(path, name, source, error) from None
        except csv.Error as error:
            raise SourceRejected(
                f"not a readable CSV file: {error}", source=source, file=name, line=line, hint="ask for the file again"
            ) from None


def _is_one_record(line: bytes) -> bool:
    """Whether what ends with the first newline is one whole record."""
    content = line.removesuffix(b"\n").removesuffix(b"\r")
    return line.endswith(b"\n") and b"\r" not in content and content.count(b'"') % 2 == 0


def _lines(taken: bytes, stream: BinaryIO) -> Iterator[str]:
    """The lines of a stream of which some bytes are taken already."""
    joined = io.BufferedReader(_Joined(taken, stream))
    return text_lines(io.TextIOWrapper(joined, encoding="utf-8", newline=""))


class _Joined(io.RawIOBase):
    """Bytes, and then a stream."""

    def __init__(self, taken: bytes, stream: BinaryIO) -> None:
        self.taken, self.stream = io.BytesIO(taken), stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self.taken.read(len(buffer)) or self.stream.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def _not_utf8(path: Path, name: str, source: str | None, error: UnicodeDecodeError) -> SourceRejected:
    """Says which line it is that the decoder, which reads ahead, has met."""
    with open_unpacked(path, name, source=source) as stream:
        for line, content in enumerate(iter(partial(stream.readline, _MAX_LINE), b""), 1):
            try:
                content.decode()
            except UnicodeDecodeError as found:
                problem = f"byte 0x{content[found.start]:02x} is not UTF-8"
                return SourceRejected(problem, source=source, file=name, line=line, hint="save it as CSV in UTF-8")
    return SourceRejected(f"not UTF-8: {error.reason}", source=source, file=name, hint="save it as CSV in UTF-8")


def text_lines(text: TextIO) -> Iterator[str]:
    """The lines of a file, none of which takes all memory."""
    while line := text.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise csv.Error(f"a line of more than {_MAX_LINE >> 20} million characters")
        yield line


def _unique(header: list[str], name: str, source: str | None) -> list[str]:
    # A spreadsheet leaves columns without a title at the end of its lines.
    if twice := sorted(column for column, times in Counter(header).items() if column.strip() and times > 1):
        raise SourceChangedShape(f"column {twice[0]!r:.80} appears twice", source=source, file=name)
    return header


def _picker(positions: list[int]) -> Callable[[list[str]], tuple[str, ...]]:
    if len(positions) == 1:
        only = positions[0]
        return lambda row: (row[only],)
    return itemgetter(*positions)


def _columns(wanted: Mapping[str, str], rows: list[tuple[str, ...]]) -> dict[str, Texts]:
    import pyarrow as pa

    values = zip(*rows, strict=True) if rows else ((),) * len(wanted)
    return {
        column: Texts(without_nulls(pa.array(texts, pa.string()))) for column, texts in zip(wanted, values, strict=True)
    }


def _parquet(path: Path, name: str, select: Select, source: str | None) -> Iterator[Batch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in groups) > Limits().max_unpacked_bytes:
            raise SourceRejected("unpacks to more than a bill can hold", source=source, file=name)
        wanted = select(_unique(list(file.schema_arrow.names), name, source))
        told = _in_dictionaries(file, set(wanted.values()))
        file = pq.ParquetFile(path, metadata=file.metadata, read_dictionary=told)
        line = 1
        yielded = False
        for batch in _batches(file, list(dict.fromkeys(wanted.values()))):
            columns = {}
            for column, stored in wanted.items():
                try:
                    columns[column] = _text(batch.column(stored))
                except _Unreadable as error:
                    raise SourceRejected(
                        f"{stored}: {error.problem}",
                        source=source,
                        file=name,
                        line=line + error.place,
                        hint="ask for a corrected file",
                    ) from None
            yield Batch(list(range(line, line + batch.num_rows)), columns)
            line += batch.num_rows
            yielded = True
        if not yielded:
            yield Batch([], _columns(wanted, []))
    except (pa.ArrowException, OSError) as error:
        raise SourceRejected(
            f"not a readable Parquet file: {error!s:.200}", source=source, file=name, hint="ask for the file again"
        ) from None


def _batches(file: pq.ParquetFile, columns: list[str]) -> Iterator[Any]:
    """The rows of a file. Arrow holds what it has read until it is told to read anew, so that is done with some row groups at a time."""
    some, rows = [], 0
    for group in range(file.metadata.num_row_groups):
        some.append(group)
        rows += file.metadata.row_group(group).num_rows
        if rows >= BATCH_ROWS or group == file.metadata.num_row_groups - 1:
            yield from file.iter_batches(batch_size=BATCH_ROWS, row_groups=some, columns=columns)
            some, rows = [], 0


def _in_dictionaries(file: pq.ParquetFile, columns: set[str]) -> list[str]:
    """Which columns are texts that a dictionary of the file has: they come as numbers of those."""
    import pyarrow as pa

    if not file.metadata.num_row_groups:
        return []
    first = file.metadata.row_group(0)
    stored = {first.column(place).path_in_schema: first.column(place) for place in range(first.num_columns)}
    return [
        field.name
        for field in file.schema_arrow
        if field.name in columns
        and pa.types.is_string(field.type)
        and not {"RLE_DICTIONARY", "PLAIN_DICTIONARY"}.isdisjoint(stored[field.name].encodings)
    ]


def _text(column: Any) -> Texts:
    """One Parquet column as text. Raises ``_Unreadable`` naming the place of a value that has none."""
    import pyarrow as pa

    kind = column.type
    # What Arrow writes as Python does.
    spelled = (
        pa.types.is_decimal,
        pa.types.is_integer,
        pa.types.is_boolean,
        pa.types.is_large_string,
        pa.types.is_null,
    )
    is_dictionary = pa.types.is_dictionary(kind)
    if is_dictionary and not pa.types.is_string(kind.value_type):
        column, kind, is_dictionary = column.cast(kind.value_type), kind.value_type, False
    if pa.types.is_timestamp(kind):
        return _times(column)
    if any(is_of(kind) for is_of in spelled):
        column, kind = column.cast(pa.string()), pa.string()
    write = _writer(kind)

    def written(value: Any) -> str | None:
        text = None if value is None else write(value)
        return None if text in NULLS else text

    try:
        if is_dictionary or pa.types.is_string(kind):
            texts = Texts(without_nulls(column))
            # Arrow takes any bytes of Parquet for text. What of a dictionary no row here tells may be wrong.
            (texts.distinct if is_dictionary else texts.array).validate(full=True)
            return texts
        return Texts(pa.array([written(value) for value in column.to_pylist()], pa.string()))
    except _NO_TEXT as error:
        for place in range(len(column)):
            try:
                written(column[place].as_py())
            except _NO_TEXT as found:
                raise _Unreadable(place, str(found)) from None
        raise AssertionError("a column cannot be read whose values can") from error


#: What Arrow calls the units of its times.
_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
#: What Arrow and Python raise for bytes that are no text, days outside the calendar, and keys that do not sort.
_NO_TEXT = (ValueError, OverflowError, TypeError)


class _Unreadable(Exception):
    """A value that has no text, and where in its column it stands."""

    def __init__(self, place: int, problem: str) -> None:
        self.place, self.problem = place, problem


def _times(column: Any) -> Texts:
    """Times in ISO 8601. They repeat, so each distinct one is written once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    encoded = column.dictionary_encode()
    counted = encoded.dictionary.cast(pa.int64())
    unit = _UNITS[kind.unit]
    size = A_SECOND[unit]
    # A year is left for the offset of any zone.
    first, last = (int((datetime(year, 1, 1) - EPOCH).total_seconds()) * size for year in (2, 9999))
    for code, number in enumerate(counted.to_pylist()):
        if not first <= number < last:
            told = unit_of_epoch(number)
            looks = f"; it looks like {told}" if told else ""
            place = pc.index(encoded.indices, code).as_py()
            raise _Unreadable(place, f"{number} {unit} after 1970 is in no year that can be{looks}")
    try:
        names = [
            value.isoformat() for value in encoded.dictionary.cast(pa.timestamp("us", kind.tz), safe=False).to_pylist()
        ]
    except (KeyError, ValueError) as error:
        raise _Unreadable(0, f"its zone {kind.tz!r:.60} is none") from error
    return Texts(pa.DictionaryArray.from_arrays(encoded.indices, pa.array(names, pa.string())))


def _writer(kind: Any) -> Callable[[Any], str]:
    import numpy as np
    import pyarrow as pa

    if pa.types.is_floating(kind):
        # The shortest text that names the number among those of its width: 1.1 and not 1.100000023841858.
        width = {16: np.float16, 32: np.float32, 64: float}[kind.bit_width]
        # A column of numbers that may be null is one of doubles to many writers, ids of accounts among them.
        return lambda value: str(int(value)) if value.is_integer() and abs(value) < 1 << 53 else str(width(value))
    if pa.types.is_date(kind):
        return lambda value: str(value.isoformat())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        # Text of writers that do not mark it as such.
        return lambda value: str(value, "utf-8")
    if pa.types.is_map(kind):
        return lambda value: _json(dict(value))
    if pa.types.is_nested(kind):
        return _json
    return str


def _json(value: Any) -> str:
    return json.dumps(_as_text(value), default=str, sort_keys=True)


def _as_text(value: Any) -> Any:
    """The same with text in place of bytes, wherever they stand in it."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {_as_text(key): _as_text(member) for key, member in value.items()}
    return [_as_text(member) for member in value] if isinstance(value, list | tuple) else value
