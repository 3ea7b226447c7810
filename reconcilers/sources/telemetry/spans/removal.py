"""Text taken out of lines of OTLP/JSON by the kernel: what ``prompts.py`` would take out of them, and the same bytes left.

Lines it is not sure of are left to ``prompts.py``. The bytes it leaves are those of the received line: compact, without
backslashes where anything goes, and so what a JSON writer would write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconcilers.sources.telemetry.spans.files import Block
from reconcilers.sources.telemetry.spans.scan import Names, Scanned
from reconcilers.sources.telemetry.spans.texts import Holds, TextNames, is_one_word

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: In the order of the kernel's.
_HOLDS = (Holds.READ, Holds.NAME, Holds.WORD, Holds.NUMBER, Holds.PARTS, Holds.TEXT)


class Texts:
    """What is text in the lines that the kernel reads, and those lines without it; ``names`` says what an attribute holds."""

    def __init__(self, names: TextNames) -> None:
        self.meaning, self.names = names, Names()
        self._begin()

    def _begin(self) -> None:
        import numpy as np

        self.known = 0
        self.holds, self.holds_shared, self.plain_event = (np.empty(0, np.int8) for _ in range(3))

    def judged(self, block: Block) -> Judged:
        """Which attributes of a block's lines go; good until the next."""
        import numpy as np

        from reconcilers.sources.telemetry.spans import kernel

        if self.names.are_too_many():
            self.names = Names()
            self._begin()
        scanned = self.names.scan(block)
        new = [self.names[number] for number in range(self.known, len(self.names))]
        if new:
            kept = (self.holds, self.holds_shared, self.plain_event)
            told = (map(self._holds, new), map(self._holds_shared, new), map(self._is_plain, new))
            self.holds, self.holds_shared, self.plain_event = (
                np.concatenate([before, np.fromiter(more, np.int8)]) for before, more in zip(kept, told, strict=True)
            )
            self.known = len(self.names)
        lines, tape = scanned.lines, scanned.tape
        kernel.judge(scanned.content, lines, tape, scanned.records, self.holds, self.holds_shared, self.plain_event)
        return Judged(block, scanned, np.flatnonzero(lines[:, kernel.MESSAGE_END] < 0).tolist())

    def _holds(self, name: str) -> int:
        return _HOLDS.index(self.meaning[name])

    def _holds_shared(self, name: str) -> int:
        return _HOLDS.index(self.meaning[name].of(a_call=False))

    def _is_plain(self, name: str) -> bool:
        return name not in self.meaning.events and is_one_word(name)


@dataclass(frozen=True)
class Judged:
    """A block of which is known what is text. ``left`` are its lines that another reader must look at."""

    block: Block
    scanned: Scanned
    left: list[int]

    @property
    def removed(self) -> int:
        """How many attributes go."""
        from reconcilers.sources.telemetry.spans import kernel

        lines = self.scanned.lines
        return int(lines[lines[:, kernel.MESSAGE_END] >= 0, kernel.REMOVED].sum())

    def without(self, first: int, end: int, before: int) -> memoryview:
        """Lines ``first`` to ``end``, none of them ``left``, without what goes, each at its number; ``before`` was the one before."""
        import numpy as np

        from reconcilers.sources.telemetry.spans import kernel

        b, lines, tape = self.scanned.content, self.scanned.lines, self.scanned.tape
        numbers, starts = self.block.numbers, self.block.starts
        most = lines[end - 1, kernel.MESSAGE_END] - starts[first] + 2 * len(tape) + int(numbers[end - 1]) - before
        out = np.empty(most, np.uint8)
        return memoryview(out)[: kernel.without(b, starts, numbers, lines, tape, first, end, before, out)]
