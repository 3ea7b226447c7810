"""Everything stored, read through again: landed bytes against their manifests, lake files against what is noted of them, what is
published.

Nothing is changed, and nothing is asked of a source. A file that we did not write is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconcilers.declared.settings import Settings
from reconcilers.errors import Busy, Damaged, ReconcileError
from reconcilers.ingest.landing import Landed, Landing
from reconcilers.ingest.normalise import content_of
from reconcilers.ingest.proofs import NOTED, damaged, noted_files, problem_of, sha256_of
from reconcilers.warehouses.choice import warehouse_of

_KEPT = re.compile(r"[0-9a-f]{32}-[0-9a-f]{16}")
#: (what is looked at, how many so far)
Progress = Callable[[str, int], None]


@dataclass
class Verified:
    """What was looked at, by kind, and all that is wrong, each with what to delete and what makes it again."""

    records: int = 0
    objects: int = 0
    object_bytes: int = 0
    lake_files: int = 0
    publications: list[str] = field(default_factory=list)
    problems: list[ReconcileError] = field(default_factory=list)
    #: What could not be looked at, because a run is at work.
    passed_over: list[str] = field(default_factory=list)


def verify(settings: Settings, progress: Progress | None = None) -> Verified:
    """Look through landing, lake and warehouse of one company."""
    found = Verified()
    _landing(Landing(settings.landing), found, progress or _quiet)
    _lake(settings.lake, found, progress or _quiet)
    for part, problem in warehouse_of(settings).damages():
        if isinstance(problem, Busy):
            found.passed_over.append(part)
            continue
        found.publications += [part] if part not in ("store", "current") else []
        found.problems += [problem] if problem else []
    return found


def _quiet(what: str, number: int) -> None:
    pass


def _landing(landing: Landing, found: Verified, progress: Progress) -> None:
    looked_at: set[str] = set()
    for record in landing.records():
        found.records += 1
        try:
            landed = landing.read(record) or landing.received(record)
            if landed is None:
                continue
            if not landed.is_as_named:
                raise Damaged(
                    "a manifest does not say what was landed: its id is of other content",
                    file=str(record),
                    hint="restore it from a backup of landing; or delete it and land its days again",
                )
            for problem in _objects(landed, looked_at, found):
                found.problems.append(problem)
            progress("objects", found.objects)
        except ReconcileError as error:
            found.problems.append(error)


def _objects(landed: Landed, looked_at: set[str], found: Verified) -> Iterator[ReconcileError]:
    """What is wrong with the objects of a pull that no pull before it had."""
    for item in landed.objects:
        if item.sha256 in looked_at:
            continue
        looked_at.add(item.sha256)
        found.objects += 1
        found.object_bytes += item.bytes
        try:
            landed.proven(item)
        except ReconcileError as error:
            yield error
        except ValueError:
            yield Damaged(
                "a manifest names no hash", file=landed.unit, source=landed.source, hint="land its days again"
            )


def _lake(root: Path, found: Verified, progress: Progress) -> None:
    for path, folder, sha256, size in _lake_files(root, found):
        found.lake_files += 1
        if problem := problem_of(path, sha256, size):
            found.problems.append(damaged(folder, f"{path.name} {problem}"))
        progress("lake files", found.lake_files)


def _lake_files(root: Path, found: Verified) -> Iterator[tuple[Path, Path, str, int]]:
    """(file, its folder, hash, bytes) of every lake file."""
    for folder in sorted([*root.glob("*/*/"), *root.glob("(keys)/*/*/")]):
        try:
            for name, told in sorted(_noted(folder).items()):
                yield folder / name, folder, told["sha256"], told["bytes"]
        except Damaged as error:
            found.problems.append(error)


def _noted(folder: Path) -> dict[str, dict[str, Any]]:
    """What is noted of a folder's lake files. Raises ``Damaged`` where that is gone or is not what was written."""
    if folder.suffix == ".tmp":
        return {}
    if (folder / "content.json").exists():
        told = content_of(folder).get("files", {})
        return {f"{entity}.parquet": one for entity, one in told.items()}
    if (folder / NOTED).exists():
        return noted_files(folder)
    for path in sorted(folder.glob("[!.]*.parquet")):
        # Rows that follow from several pulls: their folder is named by their hash, and nothing else is noted of them.
        if _KEPT.fullmatch(folder.name) and not folder.name.endswith(sha256_of(path)[:16]):
            raise damaged(folder, f"what was noted of {path.name} is gone")
    return {}
