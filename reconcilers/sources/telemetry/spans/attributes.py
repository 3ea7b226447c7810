"""From lines of OTLP/JSON to spans, one row each, with a column for every attribute that a vocabulary reads.

DuckDB parses the lines, in several threads, into nested Arrow arrays; from there on an attribute is a position in one
of them. Names are compared once per distinct name and batch, and nothing of an attribute nobody asks for is copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

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
    "status_code": ["status", "code"],
}

_VALUE = '{"stringValue":"VARCHAR","intValue":"VARCHAR","doubleValue":"VARCHAR","boolValue":"VARCHAR"}'
_ATTRIBUTES = f'[{{"key":"VARCHAR","value":{_VALUE}}}]'
_SPAN = (
    '{"traceId":"VARCHAR","spanId":"VARCHAR","parentSpanId":"VARCHAR","traceState":"VARCHAR","name":"VARCHAR",'
    '"startTimeUnixNano":"VARCHAR","endTimeUnixNano":"VARCHAR","status":{"code":"VARCHAR"},'
    f'"attributes":{_ATTRIBUTES},"events":[{{"name":"VARCHAR","attributes":{_ATTRIBUTES}}}]}}'
)
_MESSAGE = (
    f'{{"resourceSpans":[{{"resource":{{"attributes":{_ATTRIBUTES}}},'
    f'"scopeSpans":[{{"scope":{{"name":"VARCHAR","version":"VARCHAR"}},"spans":[{_SPAN}]}}]}}]}}'
)
_PARSED = f"select line, from_json(text, '{_MESSAGE}') as message from lines"


def column(number: int) -> str:
    """The column of the attribute whose name has that number."""
    return f"a{number}"


def read_attributes(connection: duckdb.DuckDBPyConnection, lines: pa.Table, numbers: Mapping[str, int]) -> pa.Table:
    """The spans of a batch of lines, in order: line, scope and fields as text, and ``column(n)`` for each name they have.

    ``numbers`` are the names to read. ``event/attribute`` names an attribute of a span's event; the span's own go before
    its events', those before its resource's, and of several with one name the last counts.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    connection.register("lines", lines)
    try:
        parsed = connection.sql(_PARSED).to_arrow_table().combine_chunks()
    finally:
        connection.unregister("lines")
    line, message = (part.chunk(0) if part.num_chunks else part.combine_chunks() for part in parsed.columns)

    of_message, resources = _below(message, ["resourceSpans"])
    of_resource, scopes = _below(resources, ["scopeSpans"])
    of_scope, spans = _below(scopes, ["spans"])
    resource = of_resource.take(of_scope)
    columns = {
        "line": line.take(of_message).take(resource),
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
    owners = np.concatenate([_numbers(on_resource), _numbers(of_span.take(on_event)), _numbers(on_span)])

    # Of a value one member is told, but for arrays and maps, which are not read.
    value, owned_by_resource = pc.coalesce(*values.flatten()), len(resource_attributes)
    for name, positions in _positions(pa.concat_arrays(keys), numbers):
        place = np.full(len(resources), -1, np.int32)
        on_resources, own = np.split(positions, [np.searchsorted(positions, owned_by_resource)])
        place[owners[on_resources]] = on_resources
        place = place[_numbers(resource)]
        place[owners[own]] = own
        columns[column(numbers[name])] = value.take(_nullable(place))
    return pa.table(list(columns.values()), list(columns))


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


def texts(values: Iterable[str | None]) -> pa.Array:
    """A column of text. ``pyarrow.array`` would import pandas first, which takes a second."""
    import pyarrow as pa

    builder = pa.lib.StringBuilder()
    for value in values:
        builder.append(value)
    return builder.finish()


def _below(parents: pa.Array, path: list[str]) -> tuple[pa.Array, pa.Array]:
    """The elements of a list in every parent, and which parent each is in."""
    import pyarrow.compute as pc

    lists = pc.struct_field(parents, path)
    return pc.list_parent_indices(lists), lists.flatten()


def _positions(keys: pa.Array, numbers: Mapping[str, int]) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """(name, where it stands in ``keys``, ascending) for every asked name there is."""
    import numpy as np

    encoded = keys.dictionary_encode("encode")
    codes = _numbers(encoded.indices)
    distinct = encoded.dictionary.to_pylist()
    return [(name, np.flatnonzero(codes == code)) for code, name in enumerate(distinct) if name in numbers]


def _numbers(array: pa.Array) -> np.ndarray[Any, Any]:
    """An array of numbers without nulls for numpy; ``to_numpy`` would import pandas."""
    import numpy as np

    return np.from_dlpack(array)


def _nullable(place: np.ndarray[Any, Any]) -> pa.Array:
    """Positions for Arrow, null for -1."""
    import numpy as np
    import pyarrow as pa

    valid = np.packbits(place >= 0, bitorder="little")
    return pa.Array.from_buffers(pa.int32(), len(place), [pa.py_buffer(valid), pa.py_buffer(place)])
