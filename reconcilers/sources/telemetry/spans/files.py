"""What a trace file is as bytes: its packings, its lines, and batches of them. What the lines say is read elsewhere.

Plain, gzip, zstd, or the Collector's file exporter with ``compression: zstd``: messages, each a zstd frame after its
length in four bytes (big-endian). Names, sizes and contents come from outside, so every read is bounded.
"""

from __future__ import annotations

import io
import re
from array import array
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from reconcilers.errors import SourceRejected
from reconcilers.sources.folders import open_unpacked

if TYPE_CHECKING:
    import pyarrow as pa

_T = TypeVar("_T")

#: A Collector accepts messages of 4 MiB unless told otherwise.
MAX_MESSAGE_BYTES = 64 << 20
DAMAGED = "ask for the file again; it is damaged, or its writer was stopped or is still writing"

_BATCH_BYTES = 8 << 20
_CHUNK_BYTES = 2 << 20
_ZSTD_MAGIC, _GZIP_MAGIC = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
#: One compressed zstd block of 4 bytes may unpack to 128 KiB, so input is fed in small pieces.
_ZSTD_FEED = 512
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: Between quotes inside a JSON string stands a backslash, so this finds keys only.
_FRACTION = re.compile(rb'"doubleValue"\s*:\s*(-?[0-9][0-9.eE+-]*)')


def read_lines(path: Path, name: str, source: str | None = None) -> Iterator[tuple[int, bytes]]:
    """(line, its JSON text) of a trace file in any of its packings; blank lines are counted and left out.

    Raises ``SourceRejected`` naming file and line for data that does not unpack or is too long.
    """
    line = 0
    try:
        for content in _framed(path) if _is_framed(path) else _lines(path, name, source):
            line += 1
            if content and not content.isspace():
                yield line, content
    except _Damaged as error:
        raise SourceRejected(str(error), source=source, file=name, line=line + 1, hint=DAMAGED) from None
    except SourceRejected as error:
        if error.line is not None:
            raise
        raise SourceRejected(error.problem, source=source, file=name, line=line + 1, hint=error.hint) from None


class _Damaged(Exception):
    """Data that does not unpack; turned into ``SourceRejected`` where the line is known."""


def _is_framed(path: Path) -> bool:
    """Whether a file starts with a length and a zstd frame."""
    with path.open("rb") as stream:
        head = stream.read(8)
    return head[4:] == _ZSTD_MAGIC and head[:4] != _ZSTD_MAGIC and head[:2] != _GZIP_MAGIC


def is_packed(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(4)
    return head == _ZSTD_MAGIC or head[:2] == _GZIP_MAGIC or _is_framed(path)


def _lines(path: Path, name: str, source: str | None) -> Iterator[bytes]:
    """The lines of a file, or its one document where that runs over several lines."""
    import orjson

    with open_unpacked(path, name, source=source) as stream:
        first = _readline(stream).removeprefix(_BYTE_ORDER_MARK)
        while first.isspace():
            yield first
            first = _readline(stream)
        if not first:
            return
        second = _readline(stream)
        if second and not _is_json(first) and not _is_json(second):
            document = first + second + stream.read(MAX_MESSAGE_BYTES)
            if len(document) > MAX_MESSAGE_BYTES:
                raise _too_long()
            try:
                # Line breaks go, so that explain prints the document and a reader of lines sees one.
                yield orjson.dumps(orjson.loads(document)) if b'"doubleValue"' not in document else _joined(document)
            except orjson.JSONDecodeError as error:
                problem = f"not JSON: {error.msg}"
                raise SourceRejected(problem, source=source, file=name, line=error.lineno, hint=DAMAGED) from None
            return
        yield first
        while second:
            yield second
            second = _readline(stream)


def _joined(document: bytes) -> bytes:
    """A JSON document in one line, its numbers as written: a line break in JSON is never inside a string."""
    import orjson

    orjson.loads(document)
    return document.replace(b"\r", b" ").replace(b"\n", b" ")


def _is_json(content: bytes) -> bool:
    import orjson

    try:
        orjson.loads(content)
    except ValueError:
        return False
    return True


def _readline(stream: Any) -> bytes:
    content: bytes = stream.readline(MAX_MESSAGE_BYTES + 1)
    if len(content) > MAX_MESSAGE_BYTES:
        raise _too_long()
    return content


def _too_long() -> _Damaged:
    return _Damaged(f"a message of more than {MAX_MESSAGE_BYTES >> 20} MiB")


def _framed(path: Path) -> Iterator[bytes]:
    """The messages of a Collector file exporter's compressed file."""
    import zstandard

    with path.open("rb") as stream:
        while prefix := stream.read(4):
            length = int.from_bytes(prefix, "big")
            if length > MAX_MESSAGE_BYTES:
                raise _too_long()
            packed = stream.read(length)
            if len(prefix) < 4 or len(packed) < length:
                raise _Damaged("the last message ends early")
            frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
            message = io.BytesIO()
            try:
                for start in range(0, length, _ZSTD_FEED):
                    message.write(frame.decompress(packed[start : start + _ZSTD_FEED]))
                    if message.tell() > MAX_MESSAGE_BYTES:
                        raise _too_long()
            except zstandard.ZstdError as error:
                raise _Damaged(f"zstd data is corrupt: {error}") from None
            if not frame.eof or frame.unused_data:
                raise _Damaged("zstd data is corrupt: its length is wrong")
            yield message.getvalue()


def packed(chunks: Iterable[bytes], pack: bool) -> Iterator[bytes]:
    import zstandard

    if not pack:
        yield from chunks
        return
    frame = zstandard.ZstdCompressor(level=3).compressobj()
    for chunk in chunks:
        yield frame.compress(chunk)
    yield frame.flush()


def quoted_fractions(content: bytes) -> bytes:
    """The message with its ``doubleValue`` numbers as strings, so that no reader makes a binary float of them."""
    return _FRACTION.sub(rb'"doubleValue":"\1"', content) if b'"doubleValue"' in content else content


def batches(lines: Iterable[tuple[int, bytes]], base: int) -> Iterator[pa.Table]:
    """Lines as tables of ``line`` and ``text``, in chunks that several threads can take."""
    import pyarrow as pa

    names = ["line", "text"]

    def chunk(numbers: list[int], texts: list[bytes]) -> pa.RecordBatch:
        """Made of buffers: to make an array of a list, pyarrow first imports pandas, which takes a second."""
        joined = b"".join(texts)
        if b'"doubleValue"' in joined:
            texts = [quoted_fractions(text) for text in texts]
            joined = b"".join(texts)
        ends = array("i", accumulate(map(len, texts), initial=0))
        line = pa.Array.from_buffers(pa.int64(), len(texts), [None, pa.py_buffer(array("q", numbers))])
        text = pa.Array.from_buffers(pa.binary(), len(texts), [None, pa.py_buffer(ends), pa.py_buffer(joined)])
        return pa.record_batch([line, text.cast(pa.string())], names)

    chunks: list[pa.RecordBatch] = []
    numbers: list[int] = []
    texts: list[bytes] = []
    size = total = 0
    for line, content in lines:
        numbers.append(base + line)
        texts.append(content)
        size += len(content)
        if size >= _CHUNK_BYTES:
            chunks.append(chunk(numbers, texts))
            total += size
            numbers, texts, size = [], [], 0
            if total >= _BATCH_BYTES:
                yield pa.Table.from_batches(chunks)
                chunks, total = [], 0
    if numbers:
        chunks.append(chunk(numbers, texts))
    if chunks:
        yield pa.Table.from_batches(chunks)


def ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The same items, the next one made while the last is in use."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
