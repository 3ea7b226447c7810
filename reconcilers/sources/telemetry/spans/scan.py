"""From bytes of OTLP/JSON to columns in one pass, for lines that are written as Collectors write them.

``kernel.py`` says where everything stands; here names get their meaning, each once, and what is read becomes columns. A line it
cannot be sure of is left to ``attributes.py`` (and, of text, to ``prompts.py``), whose rows are the same: a test holds the two
together.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from reconcilers.sources.telemetry.spans.attributes import column, lists
from reconcilers.sources.telemetry.spans.files import PADDING, Block, read_blocks

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Array = np.ndarray[Any, Any]

#: Columns of a span → their places in its record.
_FIELDS = ("trace_id", "span_id", "parent_span_id", "span_name", "trace_state", "start_nanos", "end_nanos", "dropped")
_LOOKS = {"number": 1, "text": 2, None: 0}

#: Of fewer bytes the kernel takes longer to start than the general reader takes to read them.
_WORTH_COMPILING = 2 << 20


def is_worth_compiling(size: int) -> bool:
    """Whether ``size`` bytes are read sooner by the kernel, which takes half a second to start in every process."""
    return size >= _WORTH_COMPILING or f"{__package__}.kernel" in sys.modules


def blocks(path: Path, name: str, source: str | None, compiled: bool) -> Iterator[Block]:
    """``read_blocks``, for the kernel where it is ``compiled``."""
    if not compiled:
        return read_blocks(path, name, source)
    from reconcilers.sources.telemetry.spans import kernel

    return read_blocks(path, name, source, kernel.line_ends)


class Scanned:
    """A block of lines as the kernel walked it: ``lines``, ``records`` and ``tape`` (see there)."""

    def __init__(self, content: Array, lines: Array, records: Array, tape: Array) -> None:
        self.content, self.lines, self.records, self.tape = content, lines, records, tape


class Names:
    """Names of members, attributes and events, each with a number: those of ``kernel.MEMBERS`` first, the others as they come."""

    def __init__(self) -> None:
        import numpy as np

        from reconcilers.sources.telemetry.spans import kernel

        self.table = kernel.NameTable(
            ends=np.zeros(kernel.MOST_NAMES + 1, np.int32),
            texts=np.zeros(kernel.BYTES_OF_NAMES + PADDING, np.uint8),
            slots=np.full(kernel.SLOTS, -1, np.int32),
            after=np.zeros(kernel.MOST_NAMES, np.int32),
            counts=np.zeros(kernel.COUNTS, np.int64),
        )
        self.room, self.records, self.tape = 0, np.empty(0, np.int32), np.empty(0, np.int32)
        for name in kernel.MEMBERS:
            kernel.numbered(np.frombuffer(name.encode() + bytes(PADDING), np.uint8), self.table)

    def __len__(self) -> int:
        from reconcilers.sources.telemetry.spans import kernel

        return int(self.table.counts[kernel.NAMES])

    def __getitem__(self, number: int) -> str:
        # Lines that are no UTF-8 are left to another reader, whatever their names are.
        begin, end = self.table.ends[number : number + 2]
        return self.table.texts[begin:end].tobytes().decode(errors="replace")

    def are_too_many(self) -> bool:
        """Whether half the room for them is taken: so many are no names."""
        from reconcilers.sources.telemetry.spans import kernel

        return len(self) > kernel.MOST_NAMES // 2 or int(self.table.ends[len(self)]) > kernel.BYTES_OF_NAMES // 2

    def scan(self, block: Block) -> Scanned:
        """Walk a block of lines. What is returned is good until the next."""
        import numpy as np

        from reconcilers.sources.telemetry.spans import kernel

        content = block.content
        if len(content) > self.room:
            self.room = len(content)
            # No line has more: an object takes two bytes, an attribute 22. What is never written takes no memory.
            self.records = np.empty((self.room // 2, kernel.RECORD_WIDTH), np.int32)
            self.tape = np.empty((self.room // 22, kernel.TAPE_WIDTH), np.int32)
        lines = np.empty((len(block.starts), kernel.LINE_WIDTH), np.int32)
        counts = self.table.counts
        counts[:2] = 0
        kernel.scan(content, block.starts, block.stops, lines, self.records, self.tape, self.table)
        for n in block.undecodable():
            lines[n, kernel.MESSAGE_END] = -1
        return Scanned(content, lines, self.records[: counts[0]], self.tape[: counts[1]])


class Columns:
    """Spans of the lines that the kernel reads, as ``read_attributes`` tells them; see there for the arguments."""

    def __init__(
        self,
        numbers: Mapping[str, int],
        counts: Collection[str],
        looks_unread: Callable[[str], Literal["number", "text"] | None],
    ) -> None:
        self.numbers, self.counts, self.looks_unread = numbers, counts, looks_unread
        self.names = Names()
        self._begin()

    def _begin(self) -> None:
        import numpy as np

        #: By the number of a name: its column, -1 for none, and whether it looks like a number (1) or text (2) to read.
        self.of_name = np.empty((0, 2), np.int32)
        self.of_events: dict[int, tuple[int, int, str]] = {}

    def of(self, block: Block, base: int) -> tuple[pa.Table | None, list[int]]:
        """The spans of a block, lines numbered from ``base``, and which of its lines are left to another reader."""
        import numpy as np

        from reconcilers.sources.telemetry.spans import kernel

        if self.names.are_too_many():
            self.names = Names()
            self._begin()
        scanned = self.names.scan(block)
        lines, records, tape = scanned.lines, scanned.records, scanned.tape
        column, unread = self._meant(scanned)
        is_count = np.array([name in self.counts for name in self.numbers], bool)
        kernel.doubt(lines, tape, records, column, unread, is_count)
        left = np.flatnonzero(lines[:, kernel.MESSAGE_END] < 0)
        spans = np.flatnonzero(records[:, kernel.PART] == kernel.SPAN)
        if len(left):
            spans = spans[lines[records[spans, kernel.LINE], kernel.MESSAGE_END] >= 0]
        return (self._table(block, base, scanned, spans, column, unread) if len(spans) else None), left.tolist()

    def _meant(self, scanned: Scanned) -> tuple[Array, Array]:
        """The same for each attribute of the tape, where an event's is read by its event's name, too."""
        import numpy as np

        from reconcilers.sources.telemetry.spans import kernel

        new = [self._meaning(self.names[number]) for number in range(len(self.of_name), len(self.names))]
        if new:
            self.of_name = np.concatenate([self.of_name, np.array(new, np.int32)])
        tape, records = scanned.tape, scanned.records
        column, unread = np.empty(len(tape), np.int32), np.empty(len(tape), np.int8)
        if kernel.meant(tape, records, self.of_name, column, unread):
            owners, names = tape[:, kernel.OWNER], tape[:, kernel.NAME]
            of_events = np.flatnonzero(records[owners, kernel.PART] == kernel.EVENT)
            events = records[owners[of_events], kernel.NAME_NUMBER].astype(np.int64)
            pairs, which = np.unique(events << 32 | names[of_events], return_inverse=True)
            meant = [self._of_event(int(pair)) for pair in pairs]
            column[of_events] = np.array([c for c, _, _ in meant], np.int32)[which]
            unread[of_events] = np.array([u for _, u, _ in meant], np.int8)[which]
        return column, unread

    def _meaning(self, name: str) -> tuple[int, int]:
        column = self.numbers.get(name, -1)
        return column, 0 if column >= 0 else _LOOKS[self.looks_unread(name)]

    def _of_event(self, pair: int) -> tuple[int, int, str]:
        """The same of an event's attribute, and its name; an event without a name has none."""
        if pair not in self.of_events:
            event, name = pair >> 32, self.names[pair & 0xFFFFFFFF]
            self.of_events[pair] = (
                (-1, 0, "")
                if event < 0
                else (*self._meaning(f"{self.names[event]}/{name}"), f"{self.names[event]}/{name}")
            )
        return self.of_events[pair]

    def _table(
        self, block: Block, base: int, scanned: Scanned, spans: Array, columns: Array, unread: Array
    ) -> pa.Table:
        import numpy as np
        import pyarrow as pa

        from reconcilers.sources.telemetry.spans import kernel

        b, lines, records, tape = scanned.content, scanned.lines, scanned.records, scanned.tape
        row_of = np.full(len(records), -1, np.int32)
        row_of[spans] = np.arange(len(spans))
        scopes = records[spans, kernel.PARENT]
        resources, resource = np.unique(records[scopes, kernel.PARENT], return_inverse=True)
        row_of[resources] = np.arange(len(resources))

        present = np.flatnonzero(np.bincount(columns + 1)[1:])
        nth = np.full(len(self.numbers) + 1, -1, np.int32)  # the last stands for no column
        nth[present] = np.arange(len(present))
        own = np.full((len(present), len(spans)), -1, np.int32)
        shared = np.full((len(present), len(resources)), -1, np.int32)
        told = np.empty((len(tape), 2), np.int32)
        found = kernel.place(b, lines, tape, records, row_of, nth[columns], unread, own, shared, told)

        names = ["scope_name", "scope_version", *_FIELDS, "status_code", *(column(n) for n in present.tolist())]
        at, length = np.empty((2, len(names), len(spans)), np.int32)
        scope, status = _held(records, kernel.SCOPE)[scopes], _held(records, kernel.STATUS)[spans]
        which = np.vstack([scope, scope, *[spans.astype(np.int32)] * len(_FIELDS), status])
        kernel.of_records(records, which, np.array([0, 1, *range(len(_FIELDS)), 0]), at, length)
        kernel.of_attributes(tape, own, shared, resource, at[len(which) :], length[len(which) :])

        line = records[spans, kernel.LINE]
        fractions = np.bincount(
            records[tape[tape[:, kernel.KIND] == kernel.FRACTION, kernel.OWNER], kernel.LINE], minlength=len(lines)
        )
        size = block.stops - block.starts + 2 * fractions  # which are landed as text
        made = {"line": _whole(base + block.numbers[line]), "bytes": _whole(size[line].astype(np.int64))}
        made |= zip(names, _columns(*kernel.gathered(b, at, length)), strict=True)
        made |= {name: pa.nulls(len(spans), pa.string()) for name in ("record_id", "is_record")}
        made["unread"] = lists(self._unread(scanned, told[:found]), len(spans))
        return pa.table(list(made.values()), list(made))

    def _unread(self, scanned: Scanned, told: Array) -> list[tuple[str, Array]]:
        """The names of what looks like something to read, and the spans that tell it."""
        import numpy as np

        from reconcilers.sources.telemetry.spans import kernel

        found: dict[str, list[int]] = {}
        for row, a in told.tolist():
            name, owner = int(scanned.tape[a, kernel.NAME]), scanned.records[scanned.tape[a, kernel.OWNER]]
            if owner[kernel.PART] == kernel.EVENT:
                text = self._of_event(int(owner[kernel.NAME_NUMBER]) << 32 | name)[2]
            else:
                text = self.names[name]
            found.setdefault(text, []).append(row)
        return [(name, np.unique(np.array(rows, np.int64))) for name, rows in found.items()]


def _columns(texts: Array, begins: Array, offsets: Array, valid: Array, nulls: Array) -> Iterator[pa.Array]:
    """Columns of text, as the kernel gathered them."""
    import pyarrow as pa

    for c, none in enumerate(nulls.tolist()):
        content = texts[begins[c] : begins[c + 1]]
        buffers = [pa.py_buffer(valid[c]) if none else None, pa.py_buffer(offsets[c]), pa.py_buffer(content)]
        yield pa.Array.from_buffers(pa.string(), offsets.shape[1] - 1, buffers)


def _held(records: Array, part: int) -> Array:
    """For each record the record of that part that it holds, -1 for none."""
    import numpy as np

    from reconcilers.sources.telemetry.spans import kernel

    held = np.full(len(records), -1, np.int32)
    found = np.flatnonzero(records[:, kernel.PART] == part)
    held[records[found, kernel.PARENT]] = found
    return held


def _whole(numbers: Array) -> pa.Array:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])
