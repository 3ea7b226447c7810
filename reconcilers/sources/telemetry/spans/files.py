"""What a trace file is as bytes: its packings, its lines, and batches of them. What the lines say is read elsewhere.

Lines of JSON, or one message in protobuf; plain, gzip or zstd. Or what the Collector's file exporter writes with ``compression: zstd``
or ``format: proto``: messages, each after its length in four bytes (big-endian), a zstd frame or not. Names, sizes and contents come from outside, so every read is bounded.
"""

from __future__ import annotations

import io
import json
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from reconcilers.errors import SourceRejected
from reconcilers.sources.folders import open_unpacked
from reconcilers.sources.rejected import unreadable, why_unreadable
from reconcilers.sources.telemetry.spans import protobuf

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from reconcilers.sources.telemetry.spans.entities import Reject

    Array = np.ndarray[Any, Any]

_T = TypeVar("_T")

#: A Collector accepts messages of 4 MiB unless told otherwise.
MAX_MESSAGE_BYTES = 64 << 20
_NO_MESSAGE = "not a message of OTLP in protobuf"
_TOO_LONG = f"a message of more than {MAX_MESSAGE_BYTES >> 20} MiB"
DAMAGED = "ask for the file again; it is damaged, or its writer was stopped or is still writing"

_BATCH_BYTES = 8 << 20
_CHUNK_BYTES = 2 << 20
#: What stands behind a block of lines, for those that look at several bytes at once.
PADDING = 64
_ZSTD_MAGIC, _GZIP_MAGIC = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
#: One compressed zstd block of 4 bytes may unpack to 128 KiB, so input is fed in small pieces.
_ZSTD_FEED = 512
_LINE_BREAK = 10
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: Between quotes inside a JSON string stands a backslash, so this finds keys only.
_FRACTION = re.compile(rb'"doubleValue"\s*:\s*(-?[0-9][0-9.eE+-]*)')


def read_lines(path: Path, name: str, source: str | None = None) -> Iterator[tuple[int, bytes]]:
    """(line, its JSON text) of a trace file in any of its packings; blank lines are counted and left out.

    A message too long to read, or that its readers could take for different ones, and the rest of a file that does not unpack, is a line of ``unreadable``. Raises
    ``SourceRejected`` naming file and line for a file that unpacks to more than a file may hold.
    """
    line = 0
    try:
        for content in _messages(path, name, source):
            line += 1
            if readable_or_not := _looked_at(content):
                yield line, readable_or_not
    except _Damaged as error:
        yield line + 1, unreadable(str(error), 0)
    except SourceRejected as error:
        if not _DOES_NOT_UNPACK.search(error.problem):
            line = error.line or line + 1
            raise SourceRejected(error.problem, source=source, file=name, line=line, hint=error.hint) from None
        yield line + 1, unreadable(error.problem, 0)


def _messages(path: Path, name: str, source: str | None) -> Iterator[bytes]:
    """The messages of a file in JSON, in whatever form they came; what is blank or no message stands as it is."""
    if _is_framed(path):
        for content in _framed(path):
            is_json = not content.startswith(protobuf.BEGINS)
            yield content if is_json else protobuf.as_json(content) or unreadable(_NO_MESSAGE, len(content))
    elif (message := _one_message(path, name)) is not None:
        yield message
    else:
        yield from _lines(path, name, source)


def _one_message(path: Path, name: str) -> bytes | None:
    """The JSON of a file that is one message in protobuf; None for any other file."""
    try:
        with open_unpacked(path, name) as stream:
            if stream.read(1) != protobuf.BEGINS:
                return None
            content = protobuf.BEGINS + stream.read(MAX_MESSAGE_BYTES)
    except SourceRejected:
        return None  # which whoever reads its lines says
    return protobuf.as_json(content)


def _looked_at(content: bytes) -> bytes | None:
    """A line as its readers take it: None where it is blank, and ``unreadable`` where it is ambiguous."""
    # Rotation on some file systems leaves a head of NUL bytes.
    content = content.lstrip(b"\0")
    if not content or content.isspace():
        return None
    problem = _ambiguous(content)
    return unreadable(problem, len(content)) if problem else content


@dataclass(frozen=True)
class Block:
    """Lines of a trace file that lie in one piece of memory, before anybody looked at them: some may be blank.

    Line ``numbers[n]`` is ``content[starts[n]:stops[n]]``, its line break included. Behind the last stand ``PADDING`` bytes, zeros
    where it has no line break.
    """

    content: Array
    numbers: Array
    starts: Array
    stops: Array

    def lines(self, which: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Some of the lines as ``read_lines`` gives them."""
        for n in which:
            if (content := _looked_at(bytes(self._line(n)))) is not None:
                yield int(self.numbers[n]), content

    def undecodable(self) -> list[int]:
        """The lines that are no UTF-8."""
        content = self.content[: self.stops[-1]]
        if content.max() < 128 or _is_text(content.data):
            return []
        return [n for n in range(len(self.starts)) if not _is_text(self._line(n))]

    def _line(self, n: int) -> memoryview:
        return self.content[self.starts[n] : self.stops[n]].data


def _is_text(content: memoryview) -> bool:
    try:
        str(content, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def line_ends(content: Array, size: int) -> Array:
    """Where the lines end that are whole, line breaks included, of the first ``size`` bytes; more stand behind them."""
    import numpy as np

    return np.flatnonzero(content[:size] == _LINE_BREAK) + 1


def read_blocks(
    path: Path, name: str, source: str | None = None, ends: Callable[[Array, int], Array] = line_ends
) -> Iterator[Block]:
    """The lines of ``read_lines``, in blocks and before anybody looked at them; ``ends`` finds them as ``line_ends`` does.

    Raises what ``read_lines`` raises.
    """
    if _is_of_lines(path):
        with path.open("rb") as stream:
            yield from _blocks(stream, ends)
        return
    held: list[tuple[int, bytes]] = []
    size = 0
    for line, content in read_lines(path, name, source):
        held.append((line, content))
        size += len(content)
        if size >= _CHUNK_BYTES:
            yield _block(held)
            held, size = [], 0
    if held:
        yield _block(held)


def _block(lines: Sequence[tuple[int, bytes]]) -> Block:
    import numpy as np

    stops = np.cumsum([len(content) for _, content in lines], dtype=np.int64)
    starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)
    content = b"".join(content for _, content in lines) + bytes(PADDING)
    return Block(np.frombuffer(content, np.uint8), np.array([n for n, _ in lines], np.int64), starts, stops)


def _is_of_lines(path: Path) -> bool:
    """Whether a file is not packed and its first line is a message, so that every line is one."""
    if is_packed(path):
        return False
    with path.open("rb") as stream:
        first = stream.readline(_CHUNK_BYTES)
    return first.startswith(b"{") and first.endswith(b"\n") and _is_json(first)


def _blocks(stream: BinaryIO, ends: Callable[[Array, int], Array]) -> Iterator[Block]:
    """Whole lines of a file, some at a time."""
    import numpy as np

    line, rest = 0, np.empty(0, np.uint8)
    while True:
        content = np.empty(len(rest) + _CHUNK_BYTES + PADDING, np.uint8)
        content[: len(rest)] = rest
        read = stream.readinto(content[len(rest) : -PADDING].data)  # type: ignore[attr-defined]
        size = len(rest) + read
        content[size : size + PADDING] = 0
        if not read:
            break
        stops = ends(content, size)
        if not len(stops):
            rest = content[:size]
            if size <= MAX_MESSAGE_BYTES:
                continue
            # The rest of a line too long to read is only counted.
            while (chunk := stream.readline(_CHUNK_BYTES)) and not chunk.endswith(b"\n"):
                size += len(chunk)
            line += 1
            yield _block([(line, unreadable(_TOO_LONG, size + len(chunk)))])
            rest = rest[:0]
            continue
        rest = content[stops[-1] : size]
        yield _numbered(content, line, stops)
        line += len(stops)
    if size:
        yield _numbered(content, line, np.array([size]))


def _numbered(content: Array, before: int, stops: Array) -> Block:
    """Lines that end at ``stops``, the first of them after line ``before``; of one too long to read, that it is."""
    import numpy as np

    starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)
    numbers = np.arange(before + 1, before + 1 + len(stops), dtype=np.int64)
    block = Block(content, numbers, starts, stops.astype(np.int64))
    if (stops - starts).max() <= MAX_MESSAGE_BYTES:
        return block
    lines = (content[start:stop].tobytes() for start, stop in zip(starts, stops, strict=True))
    return _block(
        [
            (n, line if len(line) <= MAX_MESSAGE_BYTES else unreadable(_TOO_LONG, len(line)))
            for n, line in enumerate(lines, before + 1)
        ]
    )


def _ambiguous(content: bytes) -> str | None:
    """Why a message could be read in two ways, or in part only: of a name told twice one reader takes the first and another the last,
    and so would look for text elsewhere than it is.

    Writers make none of it. Names are counted first, which is quick and finds no fewer.
    """
    keys, values = content.count(b'"key"'), content.count(b'"value"')
    told = content.count(b'"value":{')
    if told != values:
        told += content.count(b'"value": {')
    if keys == values == told and all(content.count(name) < 2 for name in _LISTS):
        return None
    if _NO_VALUE.search(content):
        return "not the shape of OTLP/JSON: a value that is no object"
    try:
        json.loads(content, object_pairs_hook=_each_once)
    except _ToldTwice as error:
        return f"not the shape of OTLP/JSON: {str(error)!r:.60} is told twice"
    except (ValueError, RecursionError):
        return None  # which its readers say
    return None


_LISTS = (b'"resourceSpans"', b'"resourceLogs"')
_NO_VALUE = re.compile(rb'"value"\s*:\s*(?!null)[^{\s]')


class _ToldTwice(Exception):
    """A name that an object has twice."""


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _ToldTwice(name)
        seen.add(name)


#: What ``open_unpacked`` says of data that is damaged.
_DOES_NOT_UNPACK = re.compile("data is corrupt|data ends early")


def readable(lines: Iterable[tuple[int, bytes]], base: int, reject: Reject) -> Iterator[tuple[int, bytes]]:
    """The lines that hold records, numbered from ``base``; the others are rejected."""
    for line, content in lines:
        if lost := why_unreadable(content):
            reject(base + line, lost.reason, lost.size)
        else:
            yield base + line, content


class _Damaged(Exception):
    """Data that does not unpack; the lines before it count."""


def _is_framed(path: Path) -> bool:
    """Whether a file starts with a length, which no text begins as, and a zstd frame or a message in protobuf."""
    with path.open("rb") as stream:
        head = stream.read(8)
    if head[4:] == _ZSTD_MAGIC:
        return head[:4] != _ZSTD_MAGIC and head[:2] != _GZIP_MAGIC
    return head[4:5] == protobuf.BEGINS and 0 < int.from_bytes(head[:4], "big") <= MAX_MESSAGE_BYTES


def is_packed(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(4)
    return head == _ZSTD_MAGIC or head[:2] == _GZIP_MAGIC or _is_framed(path)


def _lines(path: Path, name: str, source: str | None) -> Iterator[bytes]:
    """The lines of a file, or its one document where that runs over several lines."""
    with open_unpacked(path, name, source=source) as stream:
        first = _readline(stream).removeprefix(_BYTE_ORDER_MARK)
        while first and first.strip(b"\0").isspace():
            yield first
            first = _readline(stream)
        if not first:
            return
        second = _readline(stream)
        if second and not _is_json(first.lstrip(b"\0")) and not _is_json(second):
            begun = first + second + stream.read(MAX_MESSAGE_BYTES)
            document = _one_line(begun) if len(begun) <= MAX_MESSAGE_BYTES else None
            if document is not None:
                yield document
                return
            *whole, last = begun.splitlines(keepends=True)
            yield from whole
            yield last if last.endswith(b"\n") else last + _readline(stream)
        else:
            yield first
            yield second
        while following := _readline(stream):
            yield following


def _one_line(document: bytes) -> bytes | None:
    """A JSON document in one line, so that explain prints it and a reader of lines sees one; None for what is none."""
    import orjson

    try:
        content = orjson.loads(document)
    except orjson.JSONDecodeError:
        return None
    # Numbers stay as written: a line break in JSON is never inside a string.
    return document.replace(b"\r", b" ").replace(b"\n", b" ") if b'"doubleValue"' in document else orjson.dumps(content)


def _is_json(content: bytes) -> bool:
    import orjson

    try:
        orjson.loads(content)
    except ValueError:
        return False
    return True


def _readline(stream: Any) -> bytes:
    """The next line; of one too long to read, that it is."""
    content: bytes = stream.readline(MAX_MESSAGE_BYTES + 1)
    size = len(content)
    if size <= MAX_MESSAGE_BYTES:
        return content
    while content and not content.endswith(b"\n"):
        content = stream.readline(_BATCH_BYTES)
        size += len(content)
    return unreadable(_TOO_LONG, size)


def _framed(path: Path) -> Iterator[bytes]:
    """The messages of a Collector file exporter's compressed file."""
    with path.open("rb") as stream:
        while prefix := stream.read(4):
            length = int.from_bytes(prefix, "big")
            if length > MAX_MESSAGE_BYTES:
                raise _Damaged(_TOO_LONG)
            content = stream.read(length)
            if len(prefix) < 4 or len(content) < length:
                raise _Damaged("the last message ends early")
            yield _unframed(content) if content.startswith(_ZSTD_MAGIC) else content


def _unframed(content: bytes) -> bytes:
    """The message in a zstd frame; of one that does not unpack, that it does not."""
    import zstandard

    frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    message = io.BytesIO()
    try:
        for start in range(0, len(content), _ZSTD_FEED):
            message.write(frame.decompress(content[start : start + _ZSTD_FEED]))
            if message.tell() > MAX_MESSAGE_BYTES:
                return unreadable(_TOO_LONG, len(content))
    except zstandard.ZstdError as error:
        return unreadable(f"zstd data is corrupt: {error}", len(content))
    if not frame.eof or frame.unused_data:
        return unreadable("zstd data is corrupt: its length is wrong", len(content))
    return message.getvalue()


def packed(chunks: Iterable[bytes | memoryview], pack: bool) -> Iterator[bytes | memoryview]:
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


def batches(lines: Iterable[tuple[int, bytes]]) -> Iterator[pa.Table]:
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
        numbers.append(line)
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
