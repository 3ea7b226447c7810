"""The records of a CSV file in blocks that Arrow reads, faster than Python's ``csv`` reads records.

Arrow forgives what ``csv`` refuses or reads otherwise: a quote inside a field, a line of another width, a lone carriage return. So a block
is read here only where its quotes and line ends are such that the two cannot differ; what begins with the first other one is left in
``unread``, to be read record by record.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from reconcilers.sources.text_columns import NULLS, Texts

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BLOCK_BYTES = 4 << 20

_NEWLINE, _RETURN, _QUOTE, _COMMA = b'\n\r",'

Columns = list[Texts]


class Blocks:
    """The records of a stream that stands behind its header. Iterated once, it gives the lines they begin at, and the texts of the
    fields at ``places``, a column for each place, of at most ``most`` records at a time; nothing is null.

    ``width`` is how many fields a record has. After that ``unread`` is what of the stream was taken and not read, and begins with
    ``line``.
    """

    def __init__(self, stream: BinaryIO, width: int, places: Sequence[int], most: int) -> None:
        self.stream, self.width, self.places, self.most = stream, width, places, most
        self.unread, self.line = b"", 2

    def __iter__(self) -> Iterator[tuple[list[int], Columns]]:
        while block := self.unread + (more := self.stream.read(BLOCK_BYTES)):
            if len(more) < BLOCK_BYTES and not block.endswith(b"\n"):
                block += b"\n"  # the file ends with its last record
            size, lines, next_line = self._records(block)
            columns = self._read(block[:size], len(lines))
            if columns is None:
                self.unread = block
                return
            for first in range(0, len(lines), self.most):
                yield lines[first : first + self.most], [Texts(one.slice(first, self.most)) for one in columns]
            self.unread, self.line = block[size:], next_line

    def _records(self, block: bytes) -> tuple[int, list[int], int]:
        """How many bytes of a block are whole records, the lines they begin at, and the line behind them; nothing of one that ``csv``
        may read otherwise than Arrow."""
        import numpy as np

        signs = np.frombuffer(block, np.uint8)
        newlines, quotes = np.flatnonzero(signs == _NEWLINE), np.flatnonzero(signs == _QUOTE)
        # Before the end of a record as many quotes have closed as opened.
        ends = np.flatnonzero(np.searchsorted(quotes, newlines) % 2 == 0)
        nothing: tuple[int, list[int], int] = (0, [], self.line)
        # Arrow takes a byte order mark off whatever it reads.
        if not len(ends) or block.startswith(codecs.BOM_UTF8):
            return nothing
        size = int(newlines[ends[-1]]) + 1
        starts = np.concatenate(([0], newlines[ends[:-1]] + 1))
        if (np.diff(starts, append=size) > csv.field_size_limit()).any():
            return nothing
        if not _is_plain(signs[:size], quotes[quotes < size]):
            return nothing
        lines = np.concatenate(([0], ends[:-1] + 1)) + self.line
        return size, lines.tolist(), self.line + int(ends[-1]) + 1

    def _read(self, records: bytes, count: int) -> list[pa.Array] | None:
        """The columns of that many records. Nothing where some are of another width, or empty lines. Raises ``UnicodeDecodeError``."""
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        if not count:
            return None
        if not records.isascii():
            records.decode()  # Arrow looks at the columns it is asked for
        names = [str(place) for place in range(self.width)]
        wanted = list(dict.fromkeys(names[place] for place in self.places))
        try:
            table = arrow_csv.read_csv(
                pa.py_buffer(records),
                arrow_csv.ReadOptions(use_threads=False, block_size=len(records) + 1, column_names=names),
                arrow_csv.ParseOptions(newlines_in_values=True),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    include_columns=wanted,
                    null_values=sorted(NULLS),
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            return None
        if len(table) != count:
            return None
        return [table[names[place]].combine_chunks() for place in self.places]


def _is_plain(signs: np.ndarray, quotes: np.ndarray) -> bool:
    """Whether every quote begins or ends a field or is doubled in one, and every carriage return is part of a line's end.

    The last sign is a newline, and so stands before the first, too.
    """
    import numpy as np

    stand_before, stand_after = np.zeros(256, bool), np.zeros(256, bool)
    stand_before[[_COMMA, _NEWLINE, _QUOTE]] = stand_after[[_COMMA, _NEWLINE, _RETURN, _QUOTE]] = True
    returns = np.flatnonzero(signs == _RETURN)
    return bool(
        stand_before[signs[quotes[0::2] - 1]].all()
        and stand_after[signs[quotes[1::2] + 1]].all()
        and (signs[returns + 1] == _NEWLINE).all()
    )
