"""Calls in tables of a company's own, as NDJSON, CSV and Parquet, by a mapping."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from tests.hostile.inputs.packed import parquet
from tests.hostile.inputs.told import CANARY, Content, Gets, Good, Input, Refused, Rejected

CONFIG: dict[str, Any] = {
    "kind": "mapped",
    "entity": "calls",
    "columns": {
        "record_id": "id",
        "ended_at": {"column": "ts", "time": "epoch_ms"},
        "provider": {"constant": "openai"},
        "model": "model",
        "tenant_id": "tenant",
        "batch": "batch",
        "billable": "billable",
        "sampling_probability_millionths": "p",
        "reported_cost": "cost",
        "reported_currency": {"constant": "USD"},
    },
    "usage": {
        "semantics": "inclusive",
        "meters": [
            {"meter": "input_tokens", "column": "usage.input"},
            {"meter": "cache_read_input_tokens", "column": "usage.cached"},
            {"meter": "seconds", "column": "seconds"},
        ],
    },
}
MS = 1_788_998_400_000
ROW = {"id": "a", "ts": MS, "model": "m1", "tenant": "t1", "usage": {"input": 100}}
FILE = "calls.ndjson"
NEITHER = "is neither true nor false"


def good(**values: Any) -> Good:
    return Good("calls", 2, values)


def lost(says: str) -> Rejected:
    """The row is none."""
    return Rejected(says, 2, "calls", 1, {"record_id": "a"})


def partly(says: str, **values: Any) -> Rejected:
    """The row counts, but for what cannot be read of it."""
    return Rejected(says, 2, "calls", 2, values)


UNKNOWN = {"usage_source": "missing", "input_total": None}
#: What a row says otherwise than a good one before it, as JSON, and what that gets.
ROWS: dict[str, Gets] = {
    '{"ts": "1788998400000"}': good(ended_at="2026-09-10 00:00:00"),
    '{"ts": 1788998400000.5}': good(ended_at="2026-09-10 00:00:00.000500"),
    '{"ts": 1.7889984e12}': good(ended_at="2026-09-10 00:00:00"),
    '{"ts": 1788998400}': lost("it looks like seconds"),
    '{"ts": 1788998400000000}': lost("it looks like microseconds"),
    '{"ts": 1788998400000000000}': lost("it looks like nanoseconds"),
    '{"ts": 0}': lost("is no time in milliseconds"),
    '{"ts": -1}': lost("is no time in milliseconds"),
    '{"ts": 1e400}': lost("outside the range"),
    '{"ts": 9223372036854775808}': lost("is no time in milliseconds"),
    '{"ts": 99999999999999999999}': lost("outside the range"),
    '{"ts": null}': lost("is empty and must not be"),
    '{"ts": ""}': lost("is empty and must not be"),
    '{"ts": "2026-09-10"}': lost("is not a plain decimal amount"),
    '{"ts": "soon"}': lost("is not a plain decimal amount"),
    '{"ts": true}': lost("is not a plain decimal amount"),
    '{"ts": [1788998400000]}': lost("a list where one value was expected"),
    '{"id": null}': lost("is empty and must not be"),
    '{"id": ""}': lost("is empty and must not be"),
    '{"id": {"$oid": "a"}}': lost("a dict where one value was expected"),
    '{"id": 7}': good(record_id="7"),
    '{"id": 12345678901234567890123}': good(record_id="12345678901234567890123"),
    '{"id": "\\ud800"}': lost("surrogates not allowed"),
    '{"id": "a\\u0000b"}': good(record_id="a\0b"),
    json.dumps({"id": "x" * 10_000}): good(record_id="x" * 10_000),
    '{"id": "b", "id": "c"}': good(record_id="c"),
    '{"model": 4.10}': good(model="4.10"),
    '{"model": null}': good(model=None),
    '{"tenant": "  t2  "}': good(tenant_id="t2"),
    '{"tenant": ["t1"]}': partly("a list where one value was expected", tenant_id=None),
    '{"batch": "TRUE"}': good(batch="true"),
    '{"batch": true}': good(batch="true"),
    '{"batch": "yes"}': partly("is not one of false, true", batch=None),
    '{"billable": "no"}': lost(NEITHER),
    '{"billable": 0}': lost(NEITHER),
    '{"billable": false}': good(billable=False),
    '{"p": 500000}': good(sampling_probability_millionths=500000),
    **{
        f'{{"p": {text}}}': partly("sampling_probability_millionths (from p)", sampling_probability_millionths=None)
        for text in ("1000001", "-1", "0.5", '"1_000"', "9223372036854775808", "1e5", '"NaN"', '"½"', "true", "[1]")
    },
    '{"cost": "0.0000000005"}': good(reported_cost="0.000000001"),
    **{
        f'{{"cost": {text}}}': partly("column reported_cost (from cost)", reported_cost=None)
        for text in ('"NaN"', '"$1"', "1e400", '"1,5"', "true", "{}")
    },
    '{"usage": {"input": 0}}': good(input_total=0, usage_source="missing"),
    '{"usage": {"input": "7"}}': good(input_total=7),
    '{"usage": {"input": 7.0}}': good(input_total=7),
    '{"usage": {"input": 1e3}}': good(input_total=1000),
    '{"usage": {"input": -0}}': good(input_total=0),
    '{"usage": {"input": null}}': good(input_total=None, usage_source="missing"),
    '{"usage": null}': good(input_total=None, usage_source="missing"),
    '{"usage": []}': good(input_total=None, usage_source="missing"),
    '{"usage": "{\\"input\\": 9}"}': good(input_total=9),
    '{"usage": {"input": 10, "cached": 20}}': good(usage_inconsistent=True, input_total=30),
    '{"usage": "{not json"}': partly("is no JSON", **UNKNOWN),
    **{
        f'{{"usage": {{"input": {text}}}}}': partly("usage input_tokens (from usage.input)", **UNKNOWN)
        for text in (
            *("-1", "1.5", "1000000000001", "1e400", "1e19", '"1_000"', '"NaN"', '"Infinity"', '"many"', '"1,000"'),
            *("true", "[1]", '{"n": 1}', '"１２"'),
        )
    },
    '{"seconds": 0.25}': good(meters_told=2),
    '{"seconds": 9000000001}': partly("is more than one call can have"),
}

#: Lines that are no row, between two rows.
LINES: dict[str, tuple[bytes, Gets]] = {
    "no JSON": (b"Traceback (most recent call last):", lost("not a JSON object")),
    "half a row": (b'{"id": "b", "ts": 17889', lost("not a JSON object")),
    "two rows in one line": (b'{"id": "b"}{"id": "c"}', lost("not a JSON object")),
    "a list": (b"[1, 2]", lost("a list")),
    "a text": (b'"row"', lost("a str")),
    "null": (b"null", lost("a NoneType")),
    "NaN": (b'{"id": "b", "ts": NaN}', lost("NaN is no JSON number")),
    "-Infinity": (b'{"id": "b", "ts": -Infinity}', lost("-Infinity is no JSON number")),
    "a comma too many": (b'{"id": "b",}', lost("not a JSON object")),
    "single quotes": (b"{'id': 'b'}", lost("not a JSON object")),
    "bytes that are no UTF-8": (b'{"id": "\xff"}', lost("not a JSON object")),
    "a number of 5000 digits": (b'{"id": ' + b"9" * 5000 + b"}", lost("not a JSON object")),
    "lists in lists": (b'{"id": ' + b"[" * 50_000 + b"}", lost("not a JSON object")),
    "a control character": (b'{"id": "a\x01"}', lost("not a JSON object")),
    "a comment": (b"// rows of today", lost("not a JSON object")),
}

GOOD = json.dumps(ROW).encode() + b"\n"
SHAPES: dict[str, tuple[Content, Gets]] = {
    "empty": (b"", Good("calls", 0, {})),
    "blank lines": (b"\n \n\t\n", Good("calls", 0, {})),
    "byte order mark": ("\ufeff".encode() + GOOD, Good("calls", 1, {"record_id": "a"})),
    "NUL bytes at the head": (bytes(64) + GOOD, Good("calls", 1, {"record_id": "a"})),
    "lines end with CRLF": (GOOD.replace(b"\n", b"\r\n"), Good("calls", 1, {"record_id": "a"})),
    "no line end": (GOOD.strip(), Good("calls", 1, {"record_id": "a"})),
    "no row at all": (b"hello\nworld\n", Refused("not a JSON object", 1, FILE)),
    "one document": (json.dumps([ROW, ROW], indent=1).encode(), Refused("not a JSON object", 1, FILE)),
    "every row of another unit of time": (GOOD.replace(b"000,", b",") * 3, Refused("it looks like seconds", 1, FILE)),
    "UTF-16": (GOOD.decode().encode("utf-16"), Refused("not a JSON object", 1, FILE)),
    "a line of 17 MB": (
        lambda: GOOD + b'{"id": "' + b"x" * (17 << 20) + b'"}\n' + GOOD,
        Rejected("a line of more than 16 MiB", 2, "calls", 2),
    ),
    "gzip cut": (b"\x1f\x8b\x08\x00" + bytes(6) + b"\x01", Refused("gzip data ends early", None, FILE)),
}

#: Prompt text in a table: only mapped columns are landed, so it is left out, whatever its column is called.
PROSE = {
    "chat_log": json.dumps(ROW | {"chat_log": CANARY}),
    "a name of a column": json.dumps(ROW | {CANARY: 1}),
    "a mapped object": json.dumps(ROW | {"usage": {"input": 5, "said": CANARY}}),
    "prompt": json.dumps(ROW | {"prompt": CANARY}),
    "messages": json.dumps(ROW | {"messages": [{"role": "user", "content": CANARY}]}),
    "message.content": json.dumps(ROW | {"message": {"content": CANARY}}),
    "in a line that cannot be read": json.dumps(ROW) + "\n" + '{"prompt": "' + CANARY,
}

CSV = "id,ts,model,tenant,batch,billable,p,cost,usage,seconds\n"
FLAT = CONFIG | {"format": "csv"}
TABLES: dict[str, tuple[str, Gets]] = {
    "a row": (CSV + 'a,1788998400000,m1,t1,,,,,"{""input"": 5}",\n', Good("calls", 1, {"input_total": 5})),
    "only a header": (CSV, Good("calls", 0, {})),
    "empty": ("", Refused("no header", None, "calls.csv")),
    "a column is missing": (CSV.replace("ts", "time"), Refused("no column 'ts'", None, "calls.csv")),
    "a column twice": (CSV.replace("tenant", "model"), Refused("appears twice", None, "calls.csv")),
    "semicolons": (CSV.replace(",", ";"), Refused("separated by semicolons", None, "calls.csv")),
    "a row of fewer fields": (
        CSV + "a,1788998400000,m1,t1,,,,,,\nb,1\nc,1788998400000,m1,t1,,,,,,\n",
        Rejected("2 fields where the header has 10", 3, "calls", 2),
    ),
    "header twice": (CSV + "a,1788998400000,m1,t1,,,,,,\n" + CSV, Rejected("column ended_at (from ts)", 3, "calls", 1)),
    "quote not closed": (CSV + 'a,"1788998400000', Refused("not a readable CSV file", 2, "calls.csv")),
    "seconds": (CSV + "a,1788998400,m1,t1,,,,,,\n", Refused("it looks like seconds", 2, "calls.csv")),
}


def _columns(**changed: Any) -> pa.Table:
    empty = dict.fromkeys(("batch", "billable", "p", "cost", "seconds"), pa.array([None], pa.string()))
    usage = pa.array([{"input": 5}], pa.struct([("input", pa.int64())]))
    row = {
        "id": pa.array(["a"]),
        "ts": pa.array([MS]),
        "model": pa.array(["m1"]),
        "tenant": pa.array(["t1"]),
        "usage": usage,
    }
    return pa.table(row | empty | changed)


ARROW: dict[str, tuple[pa.Table, Gets]] = {
    "a row": (_columns(), Good("calls", 1, {"input_total": 5, "ended_at": "2026-09-10 00:00:00"})),
    "id as bytes": (_columns(id=pa.array([b"a"])), Good("calls", 1, {"record_id": "a"})),
    "id as bytes that are no text": (
        _columns(id=pa.array([b"\xff"])),
        Refused("id: 'utf-8' codec", 1, "calls.parquet"),
    ),
    "time as a timestamp": (
        _columns(ts=pa.array([MS], pa.timestamp("ms"))),
        Refused("column ended_at (from ts)", 1, "calls.parquet"),
    ),
    "seconds": (_columns(ts=pa.array([MS // 1000])), Refused("it looks like seconds", 1, "calls.parquet")),
    "cost in float32": (_columns(cost=pa.array([1.1], pa.float32())), Good("calls", 1, {"reported_cost": "1.1"})),
    "cost of NaN": (
        _columns(cost=pa.array([float("nan")])),
        Rejected("column reported_cost (from cost)", 1, "calls", 1),
    ),
    "count of 1.5": (
        _columns(usage=pa.array([{"input": 1.5}], pa.struct([("input", pa.float64())]))),
        Rejected("is no whole number of tokens", 1, "calls", 1, UNKNOWN),
    ),
}


def inputs() -> Iterator[Input]:
    ndjson = CONFIG | {"format": "ndjson"}
    for row, gets in ROWS.items():
        content = f"{json.dumps(ROW)}\n{json.dumps(ROW)[:-1]}, {row[1:]}\n".encode()
        yield Input("mapped ndjson", f"{row:.60}", {FILE: content}, ndjson, gets)
    nanos = ndjson | {"columns": ndjson["columns"] | {"ended_at": {"column": "ts", "time": "epoch_ns"}}}
    content = json.dumps(ROW | {"ts": MS * 10**6 + 1_999}).encode()
    yield Input(
        "mapped ndjson",
        "nanoseconds",
        {FILE: content},
        nanos,
        Good("calls", 1, {"ended_at": "2026-09-10 00:00:00.000001"}),
    )
    for name, (line, gets) in LINES.items():
        yield Input("mapped ndjson", name, {FILE: GOOD + line + b"\n"}, ndjson, gets)
    for name, (content, gets) in SHAPES.items():
        yield Input("mapped ndjson", name, {FILE: content}, ndjson, gets)
    for name, text in PROSE.items():
        gets = (
            Rejected("not a JSON object", 2, "calls", 1) if "cannot" in name else Good("calls", 1, {"record_id": "a"})
        )
        yield Input("mapped ndjson", f"text in {name}", {FILE: text.encode()}, ndjson, gets)
    for name, (text, gets) in TABLES.items():
        yield Input("mapped csv", name, {"calls.csv": text.encode()}, FLAT, gets)
    for name, (table, gets) in ARROW.items():
        yield Input("mapped parquet", name, {"calls.parquet": parquet(table)}, CONFIG | {"format": "parquet"}, gets)
