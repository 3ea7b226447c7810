"""Blocks of a CSV file that Arrow reads are what Python's ``csv`` reads of them, and what it refuses is refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconcilers.errors import SourceRejected
from reconcilers.sources import csv_blocks, tabular, text_columns

#: What fields and mistakes are made of: quotes, separators, line ends, nothing in each spelling, texts of more than one byte.
PIECES = st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", "a", " ", "b c", "é", "NULL", "\\N", "", "12.50"])
FIELDS = st.lists(PIECES, max_size=4).map("".join)
Rows = list[tuple[int, list[str | None]]]


def by_csv(content: bytes) -> Rows | str:
    """(line, fields) of each record below the header, as the standard library reads it; or what it refuses."""
    reader = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    try:
        header, found, line = next(reader), [], reader.line_num + 1
        for row in reader:
            if row and len(row) != len(header):
                return f"line {line}"
            if row:
                found.append((line, [None if text in text_columns.NULLS else text for text in row]))
            line = reader.line_num + 1
    except csv.Error:
        return "csv"
    return found


def by_us(path: Path) -> Rows | str:
    """The same as ``tabular.read`` reads it."""
    try:
        return [
            (line, list(row))
            for batch in tabular.read(path, path.name, lambda header: {name: name for name in header})
            for line, *row in zip(batch.lines, *batch.columns.values(), strict=True)
        ]
    except SourceRejected as error:
        return f"line {error.line}" if "fields where" in error.problem else "csv"


@settings(max_examples=400, deadline=None)
@given(
    rows=st.lists(st.lists(FIELDS, min_size=2, max_size=3), max_size=6),
    raw=FIELDS,
    quoted=st.booleans(),
    line_end=st.sampled_from(["\r\n", "\n", "\r"]),
)
@example(rows=[['a"', "b"], ["", ""]], raw='x"y",\n', quoted=True, line_end="\r\n")
@example(rows=[["a\nb", "c"], ["d", "e"]], raw="f,g", quoted=True, line_end="\r\n")
@example(rows=[["a", "b"]], raw='"c', quoted=True, line_end="\r\n")
@example(rows=[["a", "b"]], raw='"c"d,e', quoted=True, line_end="\r\n")
@example(rows=[["a", "b"]], raw="\n\nc,d\n", quoted=True, line_end="\r\n")
@example(rows=[["a", "b"]], raw="c,d", quoted=True, line_end="\r")
def test_records_are_those_of_the_standard_library(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], raw: str, quoted: bool, line_end: str
) -> None:
    """Whole rows, as a writer makes them, and behind them a text as nobody should."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows([["one", "two"], *rows])
    content = (text.getvalue() + raw).encode()
    if line_end != "\r\n":
        content = content.replace(b"\r\n", line_end.encode())
    path = tmp_path_factory.mktemp("csv") / "bill.csv"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        # Blocks so small that records and quotes are cut anywhere.
        patch.setattr(csv_blocks, "BLOCK_BYTES", 16)
        assert by_us(path) == by_csv(content)


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\r" + b"1234,5678\r" * 9,
        b"a,b\n" + b"1234,5678\r" * 9,
        b"a,b\r\r\n1,2\r\r\n3,4\r\r\n",
        b"a,b\n" + "\ufeffx,1\ny,2\n".encode(),
        "a,b\n{0},{0}\n".format("é" * 12).encode(),
    ],
    ids=[
        "returns alone",
        "returns alone below the header",
        "two returns a line",
        "a mark within",
        "more bytes than characters",
    ],
)
def test_lines_are_told_by_their_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """However long what has no newline is: what is read ahead is no line of its own."""
    monkeypatch.setattr(tabular, "_MAX_LINE", 27)
    path = tmp_path / "bill.csv"
    path.write_bytes(content)
    assert by_us(path) == by_csv(content)


def test_a_batch_has_no_more_rows_than_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular, "BATCH_ROWS", 3)
    path = tmp_path / "bill.csv"
    path.write_text("a,b\n" + "1,2\n" * 7)
    batches = list(tabular.read(path, path.name, lambda header: {"b": "b"}))
    assert [(batch.lines, list(batch.columns["b"])) for batch in batches if batch.lines] == [
        ([2, 3, 4], ["2"] * 3),
        ([5, 6, 7], ["2"] * 3),
        ([8], ["2"]),
    ]


def test_what_nearly_every_file_is_is_read_in_blocks(tmp_path: Path) -> None:
    content = b'"a","b"\r\n1,"x, ""y""\r\nz"\r\n,NULL\r\n'
    raw = io.BytesIO(content)
    raw.readline()
    blocks = csv_blocks.Blocks(raw, 2, [1, 0], 10)
    ((lines, columns),) = blocks
    assert (lines, [list(column) for column in columns]) == ([2, 4], [['x, "y"\r\nz', None], ["1", None]])
    assert (len(columns[1]), columns[1][0], None in columns[1], "1" in columns[1], "2" in columns[1]) == (
        2,
        "1",
        True,
        True,
        False,
    )
    assert (blocks.unread, blocks.line) == (b"", 5)


@pytest.mark.parametrize(
    "record",
    ['1,a"b"c', '1,"a" ', '1,"a"b', "1,a\rb", "1,2,3", "1", "", '1,"' + "x" * 140_000 + '"'],
    ids=["quote inside", "blank behind", "text behind", "lone return", "too many", "too few", "empty", "too long"],
)
def test_what_the_two_might_read_otherwise_is_left(record: str) -> None:
    raw = io.BytesIO(f"1,2\n{record}\n3,4\n".encode())
    blocks = csv_blocks.Blocks(raw, 2, [0, 1], 10)
    assert list(blocks) == []
    assert (blocks.unread, blocks.line) == (raw.getvalue(), 2)


def test_bytes_that_are_no_text_are_found_in_columns_nobody_reads(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_bytes(b"a,b\n1,2\n3,\xff\n")
    with pytest.raises(SourceRejected, match=r"line 3: byte 0xff is not UTF-8"):
        list(tabular.read(path, path.name, lambda header: {"a": "a"}))
