"""FOCUS bills as packed CSV and as Parquet."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.hostile.inputs import bills
from tests.hostile.inputs.told import Content, Gets, Good, Input, Refused

ONE = bills.ONE
PACKED, TABLE = "bill.csv.gz", "bill.parquet"


def _gz(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _zip(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def _flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def _raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def packed(says: str) -> Refused:
    return Refused(says, None, PACKED)


EARLY, CORRUPT = packed("ends early"), packed("is corrupt")
GZ, ZSTD = _gz(bills.GOOD), zstandard.ZstdCompressor().compress(bills.GOOD)

PACKINGS: dict[str, tuple[Content, Gets]] = {
    "gzip": (GZ, ONE),
    "gzip of several members": (_gz(bills.GOOD[:100]) + _gz(bills.GOOD[100:]), ONE),
    "gzip with zeros behind": (GZ + bytes(512), ONE),
    "gzip with a name and a comment": (b"\x1f\x8b\x08\x18" + bytes(6) + b"n\0c\0" + GZ[10:], ONE),
    "gzip cut": (GZ[: len(GZ) // 2], EARLY),
    "gzip without its last byte": (GZ[:-1], EARLY),
    "only the head of gzip": (GZ[:10], EARLY),
    "gzip with a wrong sum": (_flipped(GZ, -8), CORRUPT),
    "gzip with a wrong length": (_flipped(GZ, -1), CORRUPT),
    "gzip of unknown method": (_flipped(GZ, 2), CORRUPT),
    "gzip with something behind": (GZ + b"and more", CORRUPT),
    "gzip of gzip": (_gz(GZ), Refused("byte 0x8b is not UTF-8", 1, PACKED)),
    "gzip of nothing": (_gz(b""), packed("no header")),
    "gzip of zeros, 1000 to 1": (lambda: _gz(bills.GOOD + bytes(64 << 20)), packed("unpacks to more than")),
    "plain under a packed name": (bills.GOOD, ONE),
    "zlib without a head": (_raw_deflate(bills.GOOD), packed("")),
    "zstd": (ZSTD, ONE),
    "zstd of several frames": (ZSTD + zstandard.ZstdCompressor().compress(bills.LINE.encode()), Good("charges", 2, {})),
    "zstd cut": (ZSTD[: len(ZSTD) // 2], EARLY),
    "zstd, damaged": (_flipped(ZSTD, 12), CORRUPT),
    "zstd with something behind": (ZSTD + b"and more", CORRUPT),
    "zstd of zeros": (
        lambda: zstandard.ZstdCompressor().compress(bills.GOOD + bytes(64 << 20)),
        packed("unpacks to more than"),
    ),
    "zstd that wants a window of 2 GiB": (b"\x28\xb5\x2f\xfd\x00\xa8" + ZSTD[6:], CORRUPT),
    "zip": (_zip(("bill.csv", bills.GOOD)), ONE),
    "zip whose file leads out": (_zip(("../../bill.csv", bills.GOOD)), ONE),
    "zip of two files": (_zip(("a.csv", bills.GOOD), ("b.csv", bills.GOOD)), packed("of 2 files")),
    "zip of nothing": (_zip(), packed("")),
    "zip cut": (_zip(("bill.csv", bills.GOOD))[:200], packed("zip data is corrupt")),
    "zip with a wrong sum": (
        _zip(("bill.csv", bills.GOOD)).replace(struct.pack("<L", zlib.crc32(bills.GOOD)), b"\1\2\3\4"),
        packed("zip data is corrupt"),
    ),
    "zip of zeros": (lambda: _zip(("bill.csv", bills.GOOD + bytes(64 << 20))), packed("unpacks to more than")),
}

#: A column of a Parquet file as Arrow values, and what the bill gets by it. Every other column is text.
Column = tuple[str, Callable[[], Any], Gets]
DAY = 1_788_998_400  # 2026-09-10


def says(told: str) -> Refused:
    return Refused(told, 1, TABLE)


def good(**values: Any) -> Good:
    return Good("charges", 1, values)


def _array(values: list[Any], kind: pa.DataType) -> Callable[[], Any]:
    return lambda: pa.array(values, kind)


def _undecodable() -> Any:
    return pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(struct.pack("<2i", 0, 2)), pa.py_buffer(b"\xff\xfe")]
    )


COST, START, ACCOUNT = "BilledCost", "ChargePeriodStart", "BillingAccountId"
AS_STATED = good(charge_period_start="2026-09-10 00:00:00")
COLUMNS: dict[str, Column] = {
    "float32": (COST, _array([1.1], pa.float32()), good(billed_cost="1.1")),
    "float32 of 1e-7": (COST, _array([1e-7], pa.float32()), good(billed_cost="0.0000001")),
    "float16": (COST, _array([1.1], pa.float16()), good(billed_cost="1.1")),
    "float64": (COST, _array([0.1 + 0.2], pa.float64()), good(billed_cost="0.3", billed_cost_residual="40000000000")),
    "float64 of -0.0": (COST, _array([-0.0], pa.float64()), good(billed_cost="0")),
    "float64 of 1e-320": (COST, _array([1e-320], pa.float64()), says("outside the range")),
    "float64 of NaN": (COST, _array([float("nan")], pa.float64()), says("BilledCost: 'nan'")),
    "float64 of infinity": (COST, _array([float("-inf")], pa.float64()), says("BilledCost: '-inf'")),
    "float64 of 1e300": (COST, _array([1e300], pa.float64()), says("outside the range")),
    "decimal128": (COST, _array([Decimal("1.10")], pa.decimal128(38, 20)), good(billed_cost="1.1")),
    "decimal256": (COST, _array([Decimal("0." + "1" * 50)], pa.decimal256(76, 60)), good(billed_cost="0.111111111")),
    "decimal of 1e30": (COST, _array([Decimal(10) ** 30], pa.decimal128(38, 0)), says("outside the range")),
    "int64": (COST, _array([7], pa.int64()), good(billed_cost="7")),
    "int64, the smallest": (COST, _array([-(1 << 63)], pa.int64()), says("outside the range")),
    "uint64, the largest": (COST, _array([(1 << 64) - 1], pa.uint64()), says("outside the range")),
    "bool": (COST, _array([True], pa.bool_()), says("BilledCost: 'true'")),
    "null type": (COST, _array([None], pa.null()), says("BilledCost is empty")),
    "null": (COST, _array([None], pa.float64()), says("BilledCost is empty")),
    "list of a cost": (COST, _array([[1.0]], pa.list_(pa.float64())), says("BilledCost: '[1.0]'")),
    "struct of a cost": (COST, _array([{"v": 1}], pa.struct([("v", pa.int64())])), says("is not a plain decimal")),
    "bytes": (ACCOUNT, _array([b"acct"], pa.binary()), good(billing_account_id="acct")),
    "large bytes": (ACCOUNT, _array([b"acct"], pa.large_binary()), good(billing_account_id="acct")),
    "bytes of one size": (ACCOUNT, _array([b"acct"], pa.binary(4)), good(billing_account_id="acct")),
    "bytes that are no text": (ACCOUNT, _array([b"\xff\xfe"], pa.binary()), says("BillingAccountId: 'utf-8' codec")),
    "text that is none": (ACCOUNT, _undecodable, says("BillingAccountId: 'utf-8' codec")),
    "large text": (ACCOUNT, _array(["acct"], pa.large_string()), good(billing_account_id="acct")),
    "text by dictionary": (
        ACCOUNT,
        lambda: pa.array(["acct"]).dictionary_encode(),
        good(billing_account_id="acct"),
    ),
    "account as a double": (ACCOUNT, _array([123456789012.0], pa.float64()), good(billing_account_id="123456789012")),
    "account as a whole number": (ACCOUNT, _array([123456789012], pa.int64()), good(billing_account_id="123456789012")),
    "time in seconds": (START, _array([DAY], pa.timestamp("s", "UTC")), AS_STATED),
    "time in milliseconds": (START, _array([DAY * 10**3], pa.timestamp("ms", "UTC")), AS_STATED),
    "time in nanoseconds": (START, _array([DAY * 10**9], pa.timestamp("ns", "UTC")), AS_STATED),
    "time without zone": (START, _array([DAY * 10**6], pa.timestamp("us")), AS_STATED),
    "time in a zone": (START, _array([DAY * 10**6], pa.timestamp("us", "America/New_York")), AS_STATED),
    "time in an offset": (START, _array([DAY * 10**6], pa.timestamp("us", "+05:30")), AS_STATED),
    "time in no zone there is": (
        START,
        _array([DAY], pa.timestamp("s", "Moon/Base")),
        says("its zone 'Moon/Base' is none"),
    ),
    "seconds kept as milliseconds": (START, _array([DAY], pa.timestamp("ms", "UTC")), says("looks like 2026-09-10")),
    "milliseconds kept as seconds": (START, _array([DAY * 1000], pa.timestamp("s")), says("looks like microseconds")),
    "time of the year 40000": (START, _array([1_200_000_000_000], pa.timestamp("s")), says("in no year that can be")),
    "time before the year 1": (START, _array([-(1 << 62)], pa.timestamp("us", "UTC")), says("in no year that can be")),
    "time of the year 1": (START, _array([-62_135_596_800], pa.timestamp("s")), says("in no year that can be")),
    "time of 1970": (START, _array([0], pa.timestamp("us")), says("is not from 2000 to 2200")),
    "date": (START, _array([DAY // 86_400], pa.date32()), AS_STATED),
    "date in milliseconds": (START, _array([DAY * 1000], pa.date64()), AS_STATED),
    "date of the year 30000": (START, _array([10_237_000], pa.date32()), says("ChargePeriodStart: ")),
    "time of day": (START, _array([1], pa.time64("us")), says("ChargePeriodStart: ")),
    "duration": (START, _array([1 << 62], pa.duration("us")), says("ChargePeriodStart: ")),
    "time as a whole number": (START, _array([DAY], pa.int64()), says("ChargePeriodStart: ")),
    "tags as a map": ("Tags", _array([[("k", "v")]], pa.map_(pa.string(), pa.string())), good(tags='{"k": "v"}')),
    "tags as a map of bytes": (
        "Tags",
        _array([[(b"k", b"v")]], pa.map_(pa.binary(), pa.binary())),
        good(tags='{"k": "v"}'),
    ),
    "tags as a map of undecodable bytes": (
        "Tags",
        _array([[(b"k", b"\xff")]], pa.map_(pa.binary(), pa.binary())),
        says("Tags: "),
    ),
    "tags as a struct": ("Tags", _array([{"k": "v"}], pa.struct([("k", pa.string())])), good(tags='{"k": "v"}')),
}


def table(replaced: dict[str, Any] | None = None, rows: int = 1) -> pa.Table:
    columns: dict[str, Any] = {name: pa.array([text or None] * rows, pa.string()) for name, text in bills.BASE.items()}
    return pa.table(columns | (replaced or {}))


def parquet(content: pa.Table, **how: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(content, out, **how)
    return out.getvalue()


WHOLE = parquet(table())
NO_PARQUET = Refused("not a readable Parquet file", None, TABLE)
FILES: dict[str, tuple[Content, Gets]] = {
    "Parquet": (WHOLE, ONE),
    "Parquet in three groups": (parquet(table(rows=3), row_group_size=1), Good("charges", 3, {})),
    "Parquet without rows": (parquet(table(rows=0)), Good("charges", 0, {})),
    "Parquet without columns": (parquet(pa.table({})), Refused("is missing", None, TABLE)),
    "Parquet that lacks a column": (parquet(table().drop_columns(["BilledCost"])), Refused("is missing", None, TABLE)),
    "Parquet with a column twice": (
        parquet(table().append_column("BilledCost", pa.array(["1"]))),
        Refused("appears twice", None, TABLE),
    ),
    "Parquet with a column twice in another case": (
        parquet(table().append_column("billedcost", pa.array(["1"]))),
        Refused("appears twice", None, TABLE),
    ),
    "Parquet cut": (WHOLE[: len(WHOLE) // 2], NO_PARQUET),
    "Parquet without its last byte": (WHOLE[:-1], NO_PARQUET),
    "only the mark of Parquet": (b"PAR1", NO_PARQUET),
    "the mark of Parquet twice": (b"PAR1PAR1", NO_PARQUET),
    "Parquet whose footer has a wrong length": (WHOLE[:-8] + struct.pack("<L", 1 << 30) + b"PAR1", NO_PARQUET),
    "encrypted Parquet": (b"PARE" + WHOLE[4:-4] + b"PARE", Refused("is encrypted", None, TABLE)),
    "gzip of Parquet": (_gz(WHOLE), Refused("is not UTF-8", None, TABLE)),
}


def inputs() -> Iterator[Input]:
    config = {"kind": "focus_file"}
    for name, (content, gets) in PACKINGS.items():
        yield Input("focus packed", name, {PACKED: content}, config, gets)
    for name, (column, values, gets) in COLUMNS.items():
        yield Input("focus parquet", name, {TABLE: parquet(table({column: values()}))}, config, gets)
    for name, (content, gets) in FILES.items():
        yield Input("focus parquet", name, {TABLE: content}, config, gets)
