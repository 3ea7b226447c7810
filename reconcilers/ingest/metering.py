"""Calls once more, narrow: a row a call with all that never changes as whole numbers, its words once in two dictionaries.

``metered_calls`` has a row for each of ``calls`` or ``resolved_calls`` and is what builds read; ``call_profiles`` says what was
called, by whom it was told and how its counts are read, ``call_contexts`` for whom and why. A number of a dictionary stands for
equal words exactly: columns are encoded and their codes put together as digits of one number, never hashed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from reconcilers.ingest.lake import schema

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa

    Numbers = np.ndarray[Any, np.dtype[Any]]

#: The entities that are made of others.
ENTITIES = ("metered_calls", "call_profiles", "call_contexts")

#: Columns of ``metered_calls`` for what nearly every call counts, text tokens, and the meter and TTL of an element of its usage that is one.
SLOTS: dict[str, list[tuple[str, str | None]]] = {
    "input_tokens": [("input_tokens", None)],
    "cache_read_tokens": [("cache_read_input_tokens", None)],
    "cache_write_5m_tokens": [("cache_write_input_tokens", None), ("cache_write_input_tokens", "5m")],
    "cache_write_1h_tokens": [("cache_write_input_tokens", "1h")],
    "output_tokens": [("output_tokens", None)],
}
_SLOT_OF = {one: number for number, of_slot in enumerate(SLOTS.values()) for one in of_slot}
_WRITTEN_FOR_5M = [*SLOTS].index("cache_write_5m_tokens")

#: What names a row of ``calls``: its operation, or its source's record, as in ``resolution``. A resolved call has its name.
_TOLD_ID = """case when trace_id is not null and span_id is not null then lower(trace_id) || '|' || lower(span_id)
              else source || '|' || record_id end"""
_NAMING = ("own_id", "trace_id", "span_id", "source", "record_id")
#: Numbers stay below it while columns are put together.
_MOST = 1 << 62


class Metering:
    """The narrow rows of one lake file, whose rows come in any number of tables. A number of a dictionary names one row of it in the
    file; words told again in a later table stand there again, under another number."""

    def __init__(self) -> None:
        self._connection = _engine().cursor()
        self._rows = self._profiles = self._contexts = 0

    def of(self, calls: pa.Table) -> dict[str, pa.Table]:
        """Entity → rows, of a table of ``calls``, whose rows are numbered, or of ``resolved_calls``.

        Raises ``ValueError`` where the two readings of a call's cached input differ beyond its input (R31): then its reader is wrong.
        """
        import numpy as np
        import pyarrow as pa

        rows = calls.num_rows
        columns = {name: _in_one(calls[name]) for name in calls.column_names if name in _read()}
        is_resolved = "own_id" in columns
        usage, exclusive = _Usage(columns["usage"]), _Usage(columns["usage_exclusive"])
        usage.compare(exclusive)
        columns["usage_told"] = whole_numbers(usage.told | exclusive.told)
        if not is_resolved:
            columns["telemetry_source"] = columns["source"]
            columns["names_two_events"] = whole_numbers(np.zeros(rows)).cast(pa.bool_())
        profiles, columns["profile"] = _dictionary("call_profiles", "profile", columns, self._profiles)
        contexts, columns["context"] = _dictionary("call_contexts", "context", columns, self._contexts)

        digits = self._digits(calls, "own_id" if is_resolved else _TOLD_ID)
        columns |= zip(("call_high", "call_low", "call_tail"), digits, strict=True)
        for number, slot in enumerate(SLOTS):
            columns[slot] = whole_numbers(usage.counts[:, number], usage.is_counted[:, number])
        # A reading that is there and has no input says that there was none.
        columns["input_tokens_exclusive"] = whole_numbers(exclusive.counts[:, 0], exclusive.is_there)
        columns |= {"other_usage": usage.others, "other_usage_exclusive": exclusive.others}
        if is_resolved:
            columns["landing_row"] = whole_numbers(np.arange(self._rows, self._rows + rows))
            # Resolved, its input is whole; what was cached is not to be added again.
            del columns["cached_total"]
        self._rows += rows
        self._profiles += profiles.num_rows
        self._contexts += contexts.num_rows
        return {"metered_calls": _table("metered_calls", columns), "call_profiles": profiles, "call_contexts": contexts}

    def _digits(self, calls: pa.Table, own_id: str) -> tuple[pa.Array, pa.Array, pa.Array]:
        """The first 15, the next 15 and the last 2 hexadecimal digits of the MD5 of what names each call."""
        import numpy as np
        import pyarrow as pa

        self._connection.register("calls", calls.select([name for name in calls.column_names if name in _NAMING]))
        digests = self._connection.sql(f"select unhex(md5({own_id})) from calls").to_arrow_table().column(0)
        self._connection.unregister("calls")
        # Read so that the first digits are the highest.
        halves = _numbers(_in_one(digests).cast(pa.binary(16)), ">u8").astype(np.uint64)
        first, last = halves[::2], halves[1::2]
        return (
            whole_numbers(first >> 4),
            whole_numbers((first & 15) << 56 | last >> 8),
            whole_numbers(last & 255),
        )


@cache
def _read() -> frozenset[str]:
    """The columns that are read, of calls of either kind."""
    return frozenset(name for entity in ENTITIES for name in schema(entity).names).union(
        ["own_id", "usage", "usage_exclusive"]
    )


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """What hashes; each reader, which may be a thread, has a cursor of its own. To open one takes longer than most files do."""
    import duckdb

    return duckdb.connect(config={"threads": 1})


class _Usage:
    """One reading of what calls used, as rows of the lake tell it."""

    def __init__(self, usage: pa.Array) -> None:
        import numpy as np
        import pyarrow.compute as pc

        self.rows, self.type = len(usage), usage.type
        self.of_row = _numbers(pc.list_parent_indices(usage), np.int64)
        self.elements = pc.list_flatten(usage)
        told = [pc.struct_field(self.elements, name) for name in ("meter", "modality", "cache_ttl")]
        code, firsts = _codes(told, len(self.elements))
        kinds = [*zip(*(column.take(firsts).to_pylist() for column in told), strict=True)]
        slots = [_SLOT_OF.get((meter, ttl), -1) if modality in (None, "text") else -1 for meter, modality, ttl in kinds]
        self.slot = np.array(slots, np.int64)[code]
        self.tells_modality = np.array([modality is not None for _, modality, _ in kinds], np.bool_)[code]
        self.tells_ttl = np.array([ttl is not None for *_, ttl in kinds], np.bool_)[code]

    @cached_property
    def is_there(self) -> Numbers:
        """Whether a row has the reading."""
        import numpy as np

        found: Numbers = np.bincount(self.of_row, minlength=self.rows) > 0
        return found

    @cached_property
    def is_counted(self) -> Numbers:
        """Whether a row has an element of the slot; row × slot."""
        return self._any(self.slot >= 0)

    @cached_property
    def counts(self) -> Numbers:
        """Tokens, rounded half away from zero once; row × slot."""
        import numpy as np
        import pyarrow.compute as pc

        counted = self.slot >= 0
        whole, nanos = _whole_and_nanos(pc.struct_field(self.elements, "quantity"))
        place, rounded = self._place(counted), np.zeros(self.rows * len(SLOTS), np.int64)
        np.add.at(rounded, place, whole[counted])
        if nanos.any():
            parts = np.zeros_like(rounded)
            np.add.at(parts, place, nanos[counted])
            whole, nanos = rounded + parts // 10**9, parts % 10**9
            rounded = whole + (nanos + (whole >= 0) > 5 * 10**8)
        return rounded.reshape(self.rows, len(SLOTS))

    @cached_property
    def told(self) -> Numbers:
        """``usage_told`` of ``call_profiles``: bits of the slots whose elements all tell their modality, then of the 5m slot's TTL."""
        import numpy as np

        untold = self._any((self.slot >= 0) & ~self.tells_modality)
        ttl_untold = self._any((self.slot == _WRITTEN_FOR_5M) & ~self.tells_ttl)[:, _WRITTEN_FOR_5M]
        all_told = [*(self.is_counted & ~untold).T, self.is_counted[:, _WRITTEN_FOR_5M] & ~ttl_untold]
        return sum((one.astype(np.int64) << bit for bit, one in enumerate(all_told)), np.zeros(self.rows, np.int64))

    @cached_property
    def others(self) -> pa.Array:
        """The elements that are in no slot; null where there are none."""
        import numpy as np
        import pyarrow as pa

        kept = np.flatnonzero(self.slot < 0)
        if not len(kept):
            return pa.nulls(self.rows, self.type)
        sizes = np.bincount(self.of_row[kept], minlength=self.rows)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        buffers = [_bits(sizes > 0), pa.py_buffer(offsets)]
        elements = self.elements.take(whole_numbers(kept))
        return pa.Array.from_buffers(self.type, self.rows, buffers, children=[elements])

    def compare(self, exclusive: _Usage) -> None:
        """Raises ``ValueError`` where the other reading of a row differs in more than text input and what is in no slot."""
        differs = (self.counts != exclusive.counts) | (self.is_counted != exclusive.is_counted)
        wrong = exclusive.is_there & (differs[:, 1:].any(axis=1) | (self.told | 1 != exclusive.told | 1))
        both = self.is_counted[:, 0] & exclusive.is_counted[:, 0]
        wrong |= both & (self.told & 1 != exclusive.told & 1)
        if wrong.any():
            raise ValueError(f"readings of cached input differ beyond it: row {wrong.argmax()} of {self.rows}")

    def _place(self, of: Numbers) -> Numbers:
        return self.of_row[of] * len(SLOTS) + self.slot[of]

    def _any(self, of: Numbers) -> Numbers:
        """Whether a row has one of these elements in the slot; row × slot."""
        import numpy as np

        found: Numbers = np.bincount(self._place(of), minlength=self.rows * len(SLOTS)) > 0
        return found.reshape(self.rows, len(SLOTS))


def _in_one(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece of memory: nearly always it is, and ``combine_chunks`` would copy it."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def whole_numbers(values: Numbers, known: Numbers | None = None) -> pa.Array:
    """Numbers as a column; null where they are not known."""
    import numpy as np
    import pyarrow as pa

    # ``pyarrow.array``, as ``scalar`` and ``to_numpy``, would import pandas first, which takes a second.
    buffers = [None if known is None else _bits(known), pa.py_buffer(np.ascontiguousarray(values, np.int64))]
    return pa.Array.from_buffers(pa.int64(), len(values), buffers)


def _bits(truths: Numbers) -> pa.Buffer:
    import numpy as np
    import pyarrow as pa

    return pa.py_buffer(np.packbits(truths, bitorder="little"))


def _numbers(column: pa.Array, kind: Any) -> Numbers:
    """The values of a column without nulls, as numbers of a kind; several a row where they are smaller."""
    import numpy as np

    width = column.type.bit_width // 8
    content = memoryview(column.buffers()[1] or b"")[column.offset * width :][: len(column) * width]
    return np.frombuffer(content, kind)


def _whole_and_nanos(quantities: pa.Array) -> tuple[Numbers, Numbers]:
    """Quantities as whole numbers, rounded down, and the billionths above them."""
    import numpy as np

    # 128 bits of billionths each: 2⁶⁴ of them are 18 446 744 073 whole ones and 709 551 616.
    low, high = _numbers(quantities, np.uint64)[::2], _numbers(quantities, np.int64)[1::2]
    if (np.abs(high) >= 1 << 29).any():
        raise ValueError("a usage is more than any call counts")
    whole, nanos = (part.astype(np.int64) for part in np.divmod(low, np.uint64(10**9)))
    if not high.any():
        return whole, nanos
    nanos += high * 709_551_616
    return whole + high * 18_446_744_073 + nanos // 10**9, nanos % 10**9


def _codes(columns: Sequence[pa.Array], rows: int) -> tuple[Numbers, pa.Array]:
    """For each row the number, from 0 in order of appearance, of the equal ones it is of, and for each number its first row."""
    import numpy as np

    codes, many = np.zeros(rows, np.int64), 1
    for column in columns:
        if column.null_count == rows:
            continue
        encoded = column.dictionary_encode(null_encoding="encode")
        if len(encoded.dictionary) * many >= _MOST:
            codes, many = _in_order(codes)
        codes = codes * len(encoded.dictionary) + _numbers(encoded.indices, np.int32)
        many *= len(encoded.dictionary)
    codes, _ = _in_order(codes)
    firsts = np.flatnonzero(np.diff(np.maximum.accumulate(codes), prepend=-1))
    return codes, whole_numbers(firsts)


def _in_order(codes: Numbers) -> tuple[Numbers, int]:
    """Codes numbered in order of appearance, and how many there are."""
    import numpy as np

    encoded = whole_numbers(codes).dictionary_encode()
    return _numbers(encoded.indices, np.int32).astype(np.int64), len(encoded.dictionary)


def _dictionary(entity: str, number: str, columns: Mapping[str, pa.Array], before: int) -> tuple[pa.Table, pa.Array]:
    """The distinct rows of an entity that columns tell, numbered from ``before`` on, and the number of each row."""
    import numpy as np

    told = [name for name in schema(entity).names if name in columns]
    codes, firsts = _codes([columns[name] for name in told], len(columns["source"]))
    numbers = whole_numbers(np.arange(before, before + len(firsts)))
    rows = {name: columns[name].take(firsts) for name in told} | {number: numbers}
    return _table(entity, rows), whole_numbers(codes + before)


def _table(entity: str, columns: Mapping[str, pa.Array]) -> pa.Table:
    """Rows of an entity; a column that is not given is not known."""
    import pyarrow as pa

    shape = schema(entity)
    rows = len(columns["source"])
    found = [columns.get(field.name, None) for field in shape]
    arrays = [pa.nulls(rows, field.type) if one is None else one for one, field in zip(found, shape, strict=True)]
    return pa.Table.from_arrays(arrays, schema=shape)
