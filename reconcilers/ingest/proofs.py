"""What is written down of stored bytes, and whether they are still those."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reconcilers.errors import Damaged

#: What a folder of lake files that follow from others has beside them.
NOTED = "files.json"


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def problem_of(path: Path, sha256: str, size: int) -> str | None:
    """What is wrong with a file that was written with that hash and that many bytes; None where it is as it was."""
    try:
        found = path.stat().st_size
        if found != size:
            return f"has {found} bytes where {size} were written"
        return None if sha256_of(path) == sha256 else "holds other bytes than were written"
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def noted(path: Path) -> dict[str, Any]:
    """What is written down of a lake file: its hash, its size, and the time it was written at."""
    told = path.stat()
    return {"sha256": sha256_of(path), "bytes": told.st_size, "mtime_ns": told.st_mtime_ns}


def changed(path: Path, told: Mapping[str, Any] | None) -> str | None:
    """What is wrong with a lake file. One whose size and time are as noted is taken for the same; any other is hashed. Of one that
    an earlier release wrote nothing is noted, and only that it is gone is seen."""
    try:
        found = path.stat()
    except OSError:
        return "is gone"
    if told is None or (found.st_size == told["bytes"] and found.st_mtime_ns == told["mtime_ns"]):
        return None
    return problem_of(path, told["sha256"], told["bytes"])


def note(folder: Path) -> None:
    """Write down of a folder's lake files what they are."""
    told = {path.name: noted(path) for path in sorted(folder.glob("*.parquet"))}
    (folder / NOTED).write_text(json.dumps(told, indent=1))


def noted_files(folder: Path) -> dict[str, dict[str, Any]]:
    """What is written down of a folder's lake files, by name. Raises ``Damaged`` where it is not what was written."""
    try:
        told = json.loads((folder / NOTED).read_bytes())
        if all({"sha256", "bytes", "mtime_ns"} <= one.keys() for one in told.values()):
            return dict(told)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, RecursionError):
        pass
    raise damaged(folder, f"{NOTED} is not what was written")


def prove(folder: Path, names: Iterable[str]) -> None:
    """Raises ``Damaged`` where one of a folder's lake files is not what was written."""
    told = noted_files(folder)
    for name in {*names, *told}:
        if problem := changed(folder / name, told.get(name)):
            raise damaged(folder, f"{name} {problem}")


def damaged(folder: Path, problem: str) -> Damaged:
    """The error of a folder of the lake."""
    return Damaged(
        f"rows of the lake are damaged: {problem}",
        file=str(folder),
        hint="delete that folder; the next run makes it again from landing",
    )
