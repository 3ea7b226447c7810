"""Judge every input of the table, print how many are of each kind in each room, and whatever is neither good nor clear.

With words: only inputs whose name holds one of them, each with what was seen.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.hostile.judge import KINDS, MEMORY
from tests.hostile.table import TABLE, verdict


def main(words: list[str]) -> int:
    found: Counter[tuple[str, str]] = Counter()
    for hostile in TABLE:
        if words and not any(word in str(hostile) for word in words):
            continue
        with TemporaryDirectory(prefix="hostile-", dir=MEMORY) as home:
            judged = verdict(hostile, Path(home))
        found[hostile.room, judged.kind] += 1
        if words or judged.kind not in ("good", "clear"):
            print(f"{judged.kind:8}{hostile}\n        {judged.seen:.600}")
    rooms = list(dict.fromkeys(hostile.room for hostile in TABLE))
    print("".join(f"{cell:>9}" for cell in ("all", *KINDS)) + "  room")
    for room in [*rooms, "in all"]:
        counts = [
            sum(
                n
                for (of, kind), n in found.items()
                if of in (room, *rooms[: len(rooms) * (room == "in all")]) and kind == k
            )
            for k in KINDS
        ]
        print("".join(f"{count:>9}" for count in (sum(counts), *counts)) + f"  {room}")
    return int(any(kind not in ("good", "clear") for _, kind in found))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
