"""The finance pack of a month, written to two files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from reconcilers.console.paper import here, paper, plain
from reconcilers.declared.settings import Settings
from reconcilers.periods import Period, parse_day
from reconcilers.reports.pack import Restated, newest_month, write_pack
from reconcilers.runs import Ledger
from reconcilers.warehouses.choice import current


def print_pack(settings: Settings, month: date | None, out: Path | None) -> None:
    """Write the pack and print where it is."""
    for path in write(settings, month, out):
        paper().print(f"pack      {plain(str(here(path)))}", highlight=False)


def write(settings: Settings, month: date | None = None, out: Path | None = None) -> list[Path]:
    """Write the pack of a month, null for the newest billed one, below ``home`` where no folder is given. Raises
    ``SettingsInvalid`` for a month that is not published."""
    home, published = settings.path(settings.home), current(settings)
    month = month or newest_month(published)
    restated = _restated(home, Period.of_month(month))
    return write_pack(published, month, out or home / "packs", settings.company, restated)


def _restated(home: Path, month: Period) -> list[Restated]:
    """Published runs over days of the month that gave a reason, the first first."""
    found = []
    for run in reversed(Ledger(home).runs()):
        first, _, last = run.period.partition(" to ")
        over = Period(parse_day(first), Period.of_day(parse_day(last or first)).end)
        if run.reason and run.version and over.overlaps(month):
            found.append(Restated(run.ended_at or run.started_at, run.period, run.reason))
    return found
