"""MD5 of lines given as columns: what each is a hash of is joined of texts that many lines share, and never kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from reconcilers import money

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_BETWEEN = ", "


class Column(NamedTuple):
    """A column by its texts, of which none is null: line ``i`` tells ``texts[codes[i]]``."""

    texts: pa.Array
    codes: np.ndarray


class Lines:
    """Lines that begin with ``before`` and go on with what each column tells, ", " between two, but without the characters of
    ``trimmed`` that such a line ends with."""

    def __init__(self, before: str, columns: Sequence[Column], trimmed: str) -> None:
        self.before, self.trimmed = before.encode(), trimmed.encode()
        self.columns: list[Column] = []
        for is_constant, group in groupby(columns, lambda column: len(column.texts) == 1):
            some = list(group)
            self.columns += [_joined(some)] if is_constant else some

    def md5(self, places: np.ndarray, after: Sequence[str]) -> np.ndarray:
        """The 16 bytes of each of the lines at ``places``, the text of ``after`` with the same place being put behind it."""
        import numpy as np
        import pyarrow as pa

        endings = list(dict.fromkeys(after))
        ending = {text: code for code, text in enumerate(endings)}
        behind = Column(pa.array(endings, pa.string()), np.array([ending[text] for text in after], np.int32))
        columns = [Column(column.texts, column.codes[places]) for column in self.columns]
        compute = _side_by_side if money.is_worth_compiling(len(places)) else _one_by_one
        return compute(self.before, columns, behind, self.trimmed)


def _joined(columns: list[Column]) -> Column:
    """Columns that tell the same in every line as one."""
    import pyarrow as pa

    return Column(pa.array([_BETWEEN.join(column.texts[0].as_py() for column in columns)]), columns[0].codes)


def _one_by_one(before: bytes, columns: Sequence[Column], behind: Column, trimmed: bytes) -> np.ndarray:
    import numpy as np
    import pyarrow as pa

    def told(column: Column) -> list[bytes]:
        texts = column.texts.cast(pa.binary()).to_pylist()
        return [texts[code] for code in column.codes]

    lines = map(_BETWEEN.encode().join, zip(*map(told, columns), strict=True))
    hashes = [
        hashlib.md5(before + line.rstrip(trimmed) + after, usedforsecurity=False).digest()
        for line, after in zip(lines, told(behind), strict=True)
    ]
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 16)


def _side_by_side(before: bytes, columns: Sequence[Column], behind: Column, trimmed: bytes) -> np.ndarray:
    """The same, compiled."""
    import numpy as np

    from reconcilers.sources import md5_kernel

    starts, ends, data, codes = [], [], [], []
    texts_before, bytes_before = 0, 0
    for column in (*columns, behind):
        _, offsets, content = column.texts.buffers()
        size, first = len(column.texts), column.texts.offset
        bounds = np.frombuffer(offsets, np.int32)[first : first + size + 1].astype(np.int64) + bytes_before
        starts.append(bounds[:-1])
        ends.append(bounds[1:])
        data.append(np.frombuffer(content or b"", np.uint8))
        codes.append(column.codes + np.int32(texts_before))
        texts_before += size
        bytes_before += len(data[-1])
    found = np.empty((len(behind.codes), 16), np.uint8)
    is_trimmed = np.isin(np.arange(256), np.frombuffer(trimmed, np.uint8))
    lines = np.array(codes[:-1], np.int32).reshape(-1, len(found))
    md5_kernel.md5(
        np.frombuffer(before, np.uint8),
        np.concatenate(data),
        np.concatenate(starts),
        np.concatenate(ends),
        lines,
        codes[-1],
        is_trimmed,
        found,
    )
    return found
