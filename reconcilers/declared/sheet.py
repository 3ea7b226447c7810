"""A CSV file as people's programs write it: what it is separated by where that is certain, and what encoding it looks like.

Certain is the delimiter under which the header names columns that are known. An encoding that is not UTF-8 is refused by its
name: most give some text of any bytes, and a wrong letter in a tenant's name joins nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator

#: Comma first: it is what a file of one column has.
_DELIMITERS = ",;\t|"
#: Characters of a header that are looked at for its delimiter; the longest contract has 300.
_HEADER = 10_000
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SAVE = "save it as CSV in UTF-8 (Excel: CSV UTF-8)"
_BINARY = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "packed",
}


class Unreadable(ValueError):
    """No table: ``line`` it shows in, what is wrong, what to do."""

    def __init__(self, line: int, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.line, self.problem, self.hint = line, problem, hint


def records(content: bytes, columns: Collection[str]) -> Iterator[tuple[int, list[str]]]:
    """(line it begins on, fields) of each record that is not blank; the first is the header. Raises ``Unreadable``.

    ``columns`` are the names a header may have.
    """
    text = _text(content)
    delimiter, told = _delimiter(text, columns)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise Unreadable(line, str(error), "close the quote, or save the file as CSV anew") from None
        if fields is None:
            return
        if any(fields) and not (told and line == 1):
            yield line, fields


def _text(content: bytes) -> str:
    """The text of the file. Raises ``Unreadable`` for what is not UTF-8, saying what it looks like."""
    what = next((what for magic, what in _BINARY.items() if content.startswith(magic)), None)
    if what is None and b"\0" in content and not content.startswith(_UTF_16):
        what = "UTF-16 without a byte order mark" if _every_other_is_zero(content) else "binary"
    if what is not None:
        raise Unreadable(1, f"the file is {what}, not CSV in UTF-8", _SAVE)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start : error.start + 1]
        letter = byte.decode("cp1252", "replace")
        looks = f"in Windows-1252 it is {letter!r}, so the file may be that" if letter.isprintable() else "nor a letter"
        looks = "the file is UTF-16" if content.startswith(_UTF_16) else looks
        raise Unreadable(line, f"byte 0x{byte.hex()} is not UTF-8; {looks}", _SAVE) from None


def _every_other_is_zero(content: bytes) -> bool:
    return max(content[0::2].count(0), content[1::2].count(0)) * 4 > len(content)


def _delimiter(text: str, columns: Collection[str]) -> tuple[str, bool]:
    """What fields stand between, and whether the first line is only there to tell it (``sep=;``, as Excel takes it)."""
    first = next((line for line in io.StringIO(text, newline="") if line.strip()), "").rstrip("\r\n")
    if first.lower().startswith("sep=") and first[len("sep=") :] in tuple(_DELIMITERS):
        return first[-1], True
    return max(_DELIMITERS, key=lambda d: _named(first, d, columns)), False


def _named(header: str, delimiter: str, columns: Collection[str]) -> int:
    fields = next(csv.reader([header[:_HEADER]], delimiter=delimiter), [])
    return sum(field.strip() in columns for field in fields)
