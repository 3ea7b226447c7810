"""What no manifest names any more, nor the quarantine, and so nothing reads: it is removed only when somebody is to be forgotten.

Objects of pulls that were replaced or never committed, lake files made of them, and resolved days whose calls took part of them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconcilers.ingest.landing import Landing

#: A lake folder, or one of keys, is named by the pull it was made of and by what made it.
_OF_PULL = re.compile(r"(?:.*-)?([0-9a-f]{32})-[0-9a-f]{16}(?:\.[0-9]+\.tmp)?")


@dataclass(frozen=True)
class Removed:
    """How many objects of landing and how many folders of the lake were removed."""

    objects: int
    folders: int


def remove_unnamed(landing: Landing, lake: Path) -> Removed:
    """Remove it. The caller holds the writer's place and has landing ``alone``. Raises ``Damaged``, before anything is removed,
    where a manifest cannot be read: then nobody knows what it names."""
    objects: set[str] = set()
    pulls: set[str] = set()
    for record in landing.records():
        if landed := landing.read(record) or landing.received(record):
            pulls.add(landed.landing_id)
            objects.update(item.sha256 for item in landed.objects)
    files = [path for path in landing.root.glob("objects/*/*") if path.name not in objects]
    folders = [*_of_other_pulls(lake, pulls), *_resolved_of_others(lake, pulls)]
    for path in (*files, *landing.root.glob("incoming/*")):
        path.unlink(missing_ok=True)
    for folder in folders:
        shutil.rmtree(folder)
    return Removed(len(files), len(folders))


def _of_other_pulls(lake: Path, pulls: set[str]) -> Iterator[Path]:
    for folder in (*lake.glob("[!(]*/*/"), *lake.glob("(keys)/*/*/")):
        found = _OF_PULL.fullmatch(folder.name)
        if found and found[1] not in pulls:
            yield folder


def _resolved_of_others(lake: Path, pulls: set[str]) -> Iterator[Path]:
    """Folders of days a telling of which came from another pull."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for folder in lake.glob("(resolved)/*/"):
        told: set[str] = set()
        for path in folder.glob("resolved_*.parquet"):
            columns = pq.read_table(path)
            told.update(columns["told_landing_id"].unique().to_pylist())
            if "took_part" in columns.column_names:
                parts = pc.list_flatten(columns["took_part"])
                told.update(pc.struct_field(parts, "landing_id").unique().to_pylist())
        if not told <= pulls:
            yield folder
