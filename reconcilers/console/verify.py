"""What is stored, read through again."""

from __future__ import annotations

from reconcilers.console.paper import console, paper, plain
from reconcilers.declared.settings import Settings
from reconcilers.verify import Verified, verify


def print_verified(settings: Settings) -> bool:
    """Look through everything stored and print each problem with what mends it. Returns whether there is none."""
    with console.status("reading") as shown:
        found = verify(settings, lambda what, number: shown.update(f"reading {what}: {number}"))
    out = paper()
    for problem in found.problems:
        out.print(plain(str(problem)))
    for part in found.passed_over:
        out.print(f"not looked at: the {part}; a run is at work")
    out.print(_told(found))
    return not found.problems


def _told(found: Verified) -> str:
    stored = (
        f"{found.records} records and {found.objects} objects of landing ({found.object_bytes / 1e6:.1f} MB), "
        f"{found.lake_files} lake files, {len(found.publications)} published"
    )
    wrong = len(found.problems)
    return f"{stored}: {f'{wrong} problems' if wrong > 1 else '1 problem' if wrong else 'all as they were written'}"
