"""Refused deliveries: a line each, one in full, and what came of reading one again."""

from __future__ import annotations

from datetime import datetime

from reconcilers.console.paper import check_format, console, paper, plain, print_table, write_figures
from reconcilers.declared.settings import Settings
from reconcilers.ingest.landing import Landing, Quarantined
from reconcilers.quarantine import find, quarantined, readmit
from reconcilers.warehouses.base import Figures

_SHOWN = ("id", "source", "unit", "refused_at", "file", "line", "reason")
#: Characters of an id that tell deliveries apart wherever people look at them.
_BRIEF_ID = 12


def print_quarantined(settings: Settings, as_of: datetime, everything: bool, output: str) -> None:
    """Deliveries that stand refused, or all that ever were, as ``table``, ``csv`` or ``json``. Raises ``SettingsInvalid`` for another
    format."""
    check_format(output)
    found = quarantined(settings, as_of, everything)
    figures = Figures([*_told(found[0])] if found else [], [tuple(_told(one).values()) for one in found])
    if output != "table":
        write_figures(figures, output)
    elif found:
        rows = [[_brief(name, value) for name, value in _told(one).items() if name in _SHOWN] for one in found]
        print_table(paper(), [name.replace("_", " ") for name in _SHOWN], rows)
        paper().print("more of one, and what to do: reconcile quarantine show ID", highlight=False)
    else:
        console.print("nothing was ever refused" if everything else "nothing stands refused")


def print_delivery(settings: Settings, as_of: datetime, told: str) -> None:
    """All that is known of one refused delivery. Raises ``SettingsInvalid`` where no id, or that of several, begins so."""
    one, out = find(settings, as_of, told), paper()
    for name, value in _told(one).items():
        if value is not None and name not in ("objects", "bytes"):
            out.print(f"{name.replace('_', ' '):<12}{plain(str(value))}", highlight=False)
    landing = Landing(settings.landing)
    kept = landing.as_received(one.refused.source, one.refused.unit, one.received, one.last_known)
    for item in kept.objects:
        out.print(f"{'kept':<12}{plain(item.name)}, {item.bytes} bytes: {plain(str(kept.path(item)))}", highlight=False)
    if not kept.objects:
        out.print(f"{'kept':<12}nothing; read again, its source is asked for it", highlight=False)


def print_readmitted(settings: Settings, as_of: datetime, told: str) -> None:
    """Read one again and say what landed. Raises what refuses it."""
    report = readmit(settings, as_of, told)
    rows = ", ".join(f"{number} {entity}" for entity, number in report.rows.items()) or "no rows"
    said = rows if report.news else "it had landed already"
    paper().print(f"landed: {said}; the next `reconcile run` builds with it", highlight=False)


def _told(one: Quarantined) -> dict[str, object]:
    refused, received = one.refused, one.received
    return {
        "id": one.landing_id,
        "source": refused.source,
        "kind": received.kind or None,
        "unit": refused.unit,
        "refused_at": one.last_known,
        "first_refused_at": one.first_known,
        "stands": one.stands,
        "first_day": refused.first_day,
        "last_day": refused.last_day,
        "file": received.file,
        "line": received.line,
        "reason": refused.problem,
        "do": received.hint,
        "objects": len(received.objects),
        "bytes": sum(item.bytes for item in received.objects),
    }


def _brief(name: str, value: object) -> object:
    if name == "id":
        return str(value)[:_BRIEF_ID]
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else value
