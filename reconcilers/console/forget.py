"""What was forgotten of a user, and where nothing was to be forgotten."""

from __future__ import annotations

from datetime import datetime

from reconcilers.console.paper import console, paper, plain
from reconcilers.declared.settings import Settings
from reconcilers.forget import Forgotten, forget, look_for


def print_forgotten(settings: Settings, user_id: str, as_of: datetime, reason: str, dry_run: bool) -> None:
    """Forget a user, or only look where the id stands, and say what that came to."""
    with console.status("reading landing") as shown:

        def advance(objects: int, telling: int) -> None:
            shown.update(f"reading landing: {objects} objects, {telling} tell the id")

        found = look_for(settings, user_id, advance) if dry_run else forget(settings, user_id, as_of, reason, advance)
    out = paper()
    for name, told in found.told.items():
        if told.pulls:
            out.print(f"{plain(name)}: {told.lines} lines of {told.objects} objects in {told.pulls} pulls tell the id")
    for name in found.passed_over:
        out.print(f"not looked at: {plain(name)}, which landed and is not configured; configure it and forget again")
    if found.refused:
        out.print(_of_quarantine(found))
    out.print(_came_of_it(found))


def _of_quarantine(found: Forgotten) -> str:
    went = "would go" if found.removed is None else "are gone"
    return f"{found.refused} refused deliveries of telemetry {went} from quarantine, as nobody knows where in them an id stands"


def _came_of_it(found: Forgotten) -> str:
    telling = any(told.pulls for told in found.told.values())
    if found.removed is None:
        return "nothing was changed" if telling else "nothing in landing tells the id"
    if not telling:
        return f"nothing in landing tells the id; removed {found.removed.objects} objects and {found.removed.folders} lake folders nothing names"
    return (
        f"rewritten without it; removed {found.removed.objects} objects and {found.removed.folders} lake folders nothing names any more. "
        "Published tables never held the id but its hash: the next run, or `reconcile rebuild`, makes tables without, and older versions go "
        "with keep_versions"
    )
