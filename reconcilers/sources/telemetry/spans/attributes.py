"""From lines of OTLP/JSON to spans, one row each, with a column for every attribute that a vocabulary reads.

DuckDB parses the lines, in several threads, into nested Arrow arrays; from there on an attribute is a position in one
of them. Names are compared once per distinct name and batch, and nothing of an attribute nobody asks for is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa

#: The column of a span → where it is in the span.
_FIELDS = {
    "trace_id": ["traceId"],
    "span_id": ["spanId"],
    "parent_span_id": ["parentSpanId"],
    "span_name": ["name"],
    "trace_state": ["traceState"],
    "start_nanos": ["startTimeUnixNano"],
    "end_nanos": ["endTimeUnixNano"],
    "dropped": ["droppedAttributesCount"],
    "status_code": ["status", "code"],
    # Only spans made of log records have these.
    "record_id": ["recordId"],
    "is_record": ["logRecord"],
}

#: Members of a value; of the last three, lists, maps and bytes, nothing is read, but a count may be none of them.
_MEMBERS = ("stringValue", "intValue", "doubleValue", "boolValue", "arrayValue", "kvlistValue", "bytesValue")
_READ = 4
_VALUE = "{" + ",".join(f'"{member}":"VARCHAR"' for member in _MEMBERS) + "}"
_ATTRIBUTES = f'[{{"key":"VARCHAR","value":{_VALUE}}}]'
_SPAN = (
    '{"traceId":"VARCHAR","spanId":"VARCHAR","parentSpanId":"VARCHAR","traceState":"VARCHAR","name":"VARCHAR",'
    '"startTimeUnixNano":"VARCHAR","endTimeUnixNano":"VARCHAR","droppedAttributesCount":"VARCHAR","status":{"code":"VARCHAR"},'
    '"recordId":"VARCHAR","logRecord":"VARCHAR",'
    f'"attributes":{_ATTRIBUTES},"events":[{{"name":"VARCHAR","attributes":{_ATTRIBUTES}}}]}}'
)
_MESSAGE = (
    f'{{"resourceSpans":[{{"resource":{{"attributes":{_ATTRIBUTES}}},'
    f'"scopeSpans":[{{"scope":{{"name":"VARCHAR","version":"VARCHAR"}},"spans":[{_SPAN}]}}]}}]}}'
)
_PARSED = f"select line, strlen(text) as bytes, from_json(text, '{_MESSAGE}') as message from lines"


def column(number: int) -> str:
    """The column of the attribute whose name has that number."""
    return f"a{number}"


def read_attributes(
    connection: duckdb.DuckDBPyConnection,
    lines: pa.Table,
    numbers: Mapping[str, int],
    counts: Collection[str],
    looks_unread: Callable[[str], Literal["number", "text"] | None],
) -> pa.Table:
    """The spans of a batch of lines, in order: line, scope and fields as text, and ``column(n)`` for each name they have.

    ``numbers`` are the names to read; of ``counts`` a list, a map and bytes are text, too. ``event/attribute`` names an attribute
    of a span's event; the span's own go before its events', those before its resource's, and of several with one name the last
    counts. ``bytes`` is the length of the line; ``unread`` the names of a span's and its events' other attributes that ``looks_unread`` takes for a number or text, and that are one.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    connection.register("lines", lines)
    try:
        parsed = connection.sql(_PARSED).to_arrow_table().combine_chunks()
    finally:
        connection.unregister("lines")
    line, size, message = (part.chunk(0) if part.num_chunks else part.combine_chunks() for part in parsed.columns)

    of_message, resources = _below(message, ["resourceSpans"])
    of_resource, scopes = _below(resources, ["scopeSpans"])
    of_scope, spans = _below(scopes, ["spans"])
    resource = of_resource.take(of_scope)
    columns = {
        "line": line.take(of_message).take(resource),
        "bytes": size.take(of_message).take(resource),
        "scope_name": pc.struct_field(scopes, ["scope", "name"]).take(of_scope),
        "scope_version": pc.struct_field(scopes, ["scope", "version"]).take(of_scope),
    } | {name: pc.struct_field(spans, path) for name, path in _FIELDS.items()}

    on_resource, resource_attributes = _below(resources, ["resource", "attributes"])
    on_span, span_attributes = _below(spans, ["attributes"])
    of_span, events = _below(spans, ["events"])
    on_event, event_attributes = _below(events, ["attributes"])
    event_keys = pc.binary_join_element_wise(
        pc.struct_field(events, ["name"]).take(on_event), pc.struct_field(event_attributes, ["key"]), texts(["/"])[0]
    )
    keys = [pc.struct_field(resource_attributes, ["key"]), event_keys, pc.struct_field(span_attributes, ["key"])]
    values = pa.concat_arrays(
        [pc.struct_field(a, ["value"]) for a in (resource_attributes, event_attributes, span_attributes)]
    )
    owners = np.concatenate([as_numbers(on_resource), as_numbers(of_span.take(on_event)), as_numbers(on_span)])

    members = values.flatten()
    value, owned_by_resource = pc.coalesce(*members[:_READ]), len(resource_attributes)
    unread: list[tuple[str, np.ndarray[Any, Any]]] = []
    encoded = pa.concat_arrays(keys).dictionary_encode("encode")
    codes = as_numbers(encoded.indices)
    for code, name in enumerate(encoded.dictionary.to_pylist()):
        if name in numbers:
            place = np.full(len(resources), -1, np.int32)
            positions = np.flatnonzero(codes == code)
            on_resources, own = np.split(positions, [np.searchsorted(positions, owned_by_resource)])
            place[owners[on_resources]] = on_resources
            place = place[as_numbers(resource)]
            place[owners[own]] = own
            at = nullable(place)
            text = value.take(at)
            if name in counts:
                text = pc.coalesce(text, *(member.take(at) for member in members[_READ:]))
            columns[column(numbers[name])] = text
        elif name is not None and (member := looks_unread(name)):
            own = np.flatnonzero(codes[owned_by_resource:] == code) + owned_by_resource
            unread.append((name, np.unique(owners[own[_says_something(values.take(nullable(own)), member)]])))
    columns["unread"] = lists(unread, len(spans))
    return pa.table(list(columns.values()), list(columns))


def _says_something(values: pa.Array, member: str) -> np.ndarray[Any, Any]:
    """Which of the values are a ``number`` above zero, or a ``text``."""
    import numpy as np

    members = ("intValue", "doubleValue") if member == "number" else ("stringValue",)
    told = [next((value[name] for name in members if value and value[name]), "0") for value in values.to_pylist()]
    return np.array([text[:1] not in "-0" for text in told], bool)


def lists(named: list[tuple[str, np.ndarray[Any, Any]]], size: int) -> pa.Array:
    """For each of ``size`` owners the names it owns; null for none."""
    import numpy as np
    import pyarrow as pa

    owners = np.concatenate([owned for _, owned in named]) if named else np.empty(0, np.int64)
    if not len(owners):
        return pa.nulls(size, pa.list_(pa.string()))
    which = np.repeat(np.arange(len(named), dtype=np.int32), [len(owned) for _, owned in named])
    counted = np.bincount(owners, minlength=size)
    offsets = np.concatenate([[0], np.cumsum(counted)]).astype(np.int32)
    names = texts(name for name, _ in named).take(nullable(which[np.argsort(owners, kind="stable")]))
    valid = np.packbits(counted > 0, bitorder="little")
    return pa.ListArray.from_buffers(
        pa.list_(pa.string()), size, [pa.py_buffer(valid), pa.py_buffer(offsets)], children=[names]
    )


def gathered(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of about ``rows``; an attribute that one of them lacks is null there."""
    import pyarrow as pa

    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= rows:
            yield pa.concat_tables(held, promote_options="default")
            held = []
    if held:
        yield pa.concat_tables(held, promote_options="default")


def by_line(tables: Iterable[pa.Table]) -> pa.Table:
    """The rows of several tables in the order of their lines; rows of one line stand in one table and stay as they are."""
    import numpy as np
    import pyarrow as pa

    both = pa.concat_tables(tables, promote_options="default")
    order = np.argsort(as_numbers(both["line"].combine_chunks()), kind="stable")
    return both.take(nullable(order)).combine_chunks()


def is_neat(column: pa.ChunkedArray) -> bool:
    """Whether every text of a column begins and ends with a visible character of ASCII; false for other columns."""
    import numpy as np
    import pyarrow as pa

    if column.type != pa.string():
        return False
    for chunk in column.chunks:
        _, offsets, content = chunk.buffers()
        ends = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        told = ends[:-1] < ends[1:]
        if np.count_nonzero(told) != len(chunk) - chunk.null_count:
            return False
        if content is not None:
            b = np.frombuffer(content, np.uint8)
            # Below are blanks, above are the parts of other letters and of other blanks.
            if ((b[ends[:-1][told]] - 33 > 93) | (b[ends[1:][told] - 1] - 33 > 93)).any():
                return False
    return True


class Held:
    """Rows under a name of DuckDB's, whose columns stay and whose rows are others each time."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows: pa.Table | None = rows

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        assert self.rows is not None, "nothing is read of what is not held"
        return self.rows.__arrow_c_stream__(requested_schema)


def texts(values: Iterable[str | None]) -> pa.Array:
    """A column of text. ``pyarrow.array`` would import pandas first, which takes a second."""
    import pyarrow as pa

    builder = pa.lib.StringBuilder()
    for value in values:
        builder.append(value)
    return builder.finish()


def repeated(text: str, size: int) -> pa.Array:
    """The same text in every row."""
    import numpy as np

    return texts([text]).take(nullable(np.zeros(size, np.int32)))


def counted(size: int) -> pa.Array:
    """0, 1, 2, …; made of a buffer for the same reason."""
    import numpy as np
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), size, [None, pa.py_buffer(np.arange(size, dtype=np.int64))])


def _below(parents: pa.Array, path: list[str]) -> tuple[pa.Array, pa.Array]:
    """The elements of a list in every parent, and which parent each is in."""
    import pyarrow.compute as pc

    lists = pc.struct_field(parents, path)
    return pc.list_parent_indices(lists), lists.flatten()


def as_numbers(array: pa.Array) -> np.ndarray[Any, Any]:
    """An array of numbers without nulls for numpy; ``to_numpy`` would import pandas."""
    import numpy as np

    return np.from_dlpack(array)


def nullable(place: np.ndarray[Any, Any]) -> pa.Array:
    """Positions for Arrow, null for -1."""
    import numpy as np
    import pyarrow as pa

    place = place.astype(np.int32, copy=False)
    valid = np.packbits(place >= 0, bitorder="little")
    return pa.Array.from_buffers(pa.int32(), len(place), [pa.py_buffer(valid), pa.py_buffer(place)])
