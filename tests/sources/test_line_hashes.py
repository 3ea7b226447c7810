"""MD5 of lines side by side: what ``hashlib`` says of each, whatever their lengths and how many there are."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcilers import money
from reconcilers.sources.line_hashes import Column, Lines

_TEXTS = st.sampled_from(["null", '"a"', '"é"', ""]) | st.integers(0, 140).map(lambda size: '"' + "x" * size + '"')


@settings(deadline=None)
@given(
    before=st.sampled_from(["", "bill\n["]),
    rows=st.lists(st.tuples(_TEXTS, _TEXTS, _TEXTS, st.sampled_from(["", "\n1", "\n12"])), min_size=1, max_size=40),
)
def test_lines_have_the_hashes_of_their_texts(before: str, rows: list[tuple[str, str, str, str]]) -> None:
    """Lines of one block of 64 bytes and of many side by side; columns of one text, of one in each line, and without a line's end."""
    *told, after = (list(column) for column in zip(*rows, strict=True))
    columns = [Column(pa.array(["", *column])[1:], np.arange(len(rows), dtype=np.int32)) for column in told]
    constant = Column(pa.array(["null"]), np.zeros(len(rows), np.int32))
    lines = Lines(before, [columns[0], constant, constant, *columns[1:], constant], ", nul")
    texts = [", ".join([one, "null", "null", two, three, "null"]).rstrip(", nul") for one, two, three, _ in rows]
    expected = [
        hashlib.md5(f"{before}{text}{end}".encode()).hexdigest() for text, end in zip(texts, after, strict=True)
    ]
    places = np.arange(len(rows))[::-1]
    for compiled in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(money, "is_worth_compiling", lambda _, compiled=compiled: compiled)
            found = lines.md5(places, after[::-1])
        assert [line.tobytes().hex() for line in found] == expected[::-1]
