"""One user's id taken out of landed rows: of JSON lines, and of a CSV as ``mapped`` lands it.

A row that does not tell the id keeps its bytes, and every row its line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, TextIO

import msgspec


def of_json_lines(
    lines: Iterable[bytes], columns: Sequence[str], tells: Callable[[bytes], bool]
) -> Iterator[tuple[bytes, bool]]:
    """Each line, without the ``columns`` where the row in it tells the id, and whether it does."""
    for line in lines:
        content = line.removesuffix(b"\n")
        is_told = tells(content)
        for name in columns if is_told else ():
            content = _without_member(content, name)
        yield content + b"\n", is_told


def of_csv(
    table: TextIO, columns: Sequence[str], tells: Callable[[dict[str, str]], bool]
) -> Iterator[tuple[bytes, bool]]:
    """Each row as it stands in its lines, its ``columns`` empty where it tells the id, and whether it does.

    ``table`` was opened with ``newline=""``.
    """
    taken: list[str] = []

    def noted() -> Iterator[str]:
        for line in table:
            taken.append(line)
            yield line

    reader = csv.reader(noted())
    header: list[str] | None = None
    for fields in reader:
        content = "".join(taken)
        taken.clear()
        is_row = header is not None and len(fields) == len(header)
        if is_told := is_row and tells(dict(zip(header or (), fields, strict=True))):
            out = io.StringIO()
            kept = ["" if name in columns else field for name, field in zip(header or (), fields, strict=True)]
            csv.writer(out, lineterminator="\n").writerow(kept)
            before, content = content, out.getvalue()
            # An id may have had line breaks.
            content += "\n" * (before.count("\n") - content.count("\n"))
        yield content.encode(), is_told
        header = header or fields or None


def written(out: BinaryIO, rows: Iterable[tuple[bytes, bool]]) -> int:
    """Write rows, and say how many told the id."""
    told = 0
    for content, is_told in rows:
        out.write(content)
        told += is_told
    return told


def _without_member(content: bytes, path: str) -> bytes:
    """A JSON object without the member ``path``, or what dots in it lead to; every other value keeps its bytes."""
    members = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    if path in members:
        del members[path]
    else:
        first, _, rest = path.partition(".")
        if rest and first in members:
            members[first] = msgspec.Raw(_without_member(bytes(members[first]), rest))
    return msgspec.json.encode(members)
