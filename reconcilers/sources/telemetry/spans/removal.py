"""Text taken out of lines of OTLP/JSON by the kernel: what ``prompts.py`` would take out of them, and the same bytes left.

Lines it is not sure of are left to ``prompts.py``. The bytes it leaves are those of the received line: compact, without
backslashes where anything goes, and so what a JSON writer would write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconcilers.sources.telemetry.spans.files import PADDING, Block
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

        #: By the number of a name: what it holds of a call, and of a resource or scope; whether an event of that name stays.
        self.told = np.empty((3, 0), np.int8)

    def judged(self, block: Block) -> Judged:
        """Which attributes of a block's lines go; good until the next."""
        import numpy as np

        from reconcilers.sources.telemetry.spans import kernel

        if self.names.are_too_many():
            self.names = Names()
            self._begin()
        scanned = self.names.scan(block)
        new = [self._told(self.names[number]) for number in range(self.told.shape[1], len(self.names))]
        if new:
            self.told = np.hstack([self.told, np.array(new, np.int8).T])
        lines = scanned.lines
        kernel.judge(scanned.content, lines, scanned.tape, scanned.records, *self.told)
        return Judged(block, scanned, np.flatnonzero(lines[:, kernel.MESSAGE_END] < 0).tolist())

    def _told(self, name: str) -> tuple[int, int, bool]:
        holds = self.meaning[name]
        stays = name not in self.meaning.events and is_one_word(name)
        return _HOLDS.index(holds), _HOLDS.index(holds.of(a_call=False)), stays


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
        out = np.empty(most + PADDING, np.uint8)
        return out[: kernel.without(b, starts, numbers, lines, tape, first, end, before, out)].data
