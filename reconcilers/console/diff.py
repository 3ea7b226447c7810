"""What changed between two publications or two months."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from reconcilers.console.paper import paper, plain, print_table
from reconcilers.console.query import write_figures
from reconcilers.declared.settings import Settings
from reconcilers.reports.changes import (
    PARTS,
    SECTIONS,
    Change,
    changes_of_months,
    changes_of_publications,
    figures_of,
    reasons,
)
from reconcilers.reports.completeness import told
from reconcilers.reports.files import trimmed
from reconcilers.warehouses.base import Figures, Published
from reconcilers.warehouses.choice import current, two_versions
from reconcilers.warehouses.duckdb import RowChanges, row_changes

#: Rows of a section on paper; the others are one line. A file has them all.
_SHOWN = 20


def print_diff(
    settings: Settings,
    versions: tuple[str | None, str | None],
    months: tuple[date, date] | None,
    output: str,
    out: Path | None,
) -> None:
    """Rows and money as ``table``, or all as one list of ``csv``, ``json`` or ``xlsx``. Raises ``SettingsInvalid`` where there is nothing to
    compare."""
    compared: list[Published] = []
    rows: list[RowChanges] = []
    if months and versions == (None, None):
        compared = [current(settings)] * 2
    else:
        kept = two_versions(settings, *versions)
        compared, rows = [*kept], list(row_changes(kept[0], kept[-1]))
    earlier, later = compared[0], compared[-1]
    changes = changes_of_months(earlier, later, *months) if months else changes_of_publications(earlier, later)
    why = reasons(compared[1:] if earlier is not later else ())
    if output != "table" or out:
        about = {"compared": _compared(earlier, later, months), **{f"reason {n}": one for n, one in enumerate(why, 1)}}
        write_figures(later, _all(changes, rows), output, out, about)
        return
    paper().print(plain(_compared(earlier, later, months)), highlight=False)
    for reason in why:
        paper().print(f"restated {plain(reason)}", highlight=False)
    for month in months or ():
        for line in told(later.facts, month):
            paper().print(f"{month:%Y-%m} not complete: {plain(line)}", highlight=False)
    if rows:
        _print_rows(rows)
    for section in SECTIONS:
        _print_money(section, [one for one in changes if one.section == section])


def _compared(earlier: Published, later: Published, months: tuple[date, date] | None) -> str:
    if months is None:
        return f"{earlier.name} and {later.name}"
    names = [f"{month:%B %Y}" for month in months]
    if earlier is later:
        return f"{names[0]} and {names[1]} of {later.name}"
    return f"{names[0]} of {earlier.name} and {names[1]} of {later.name}"


def _print_rows(rows: Sequence[RowChanges]) -> None:
    names = ["table", "before", "after", "added", "gone", "changed"]
    shown = [
        tuple(getattr(one, name) for name in names)
        for one in rows
        if one.added or one.gone or one.changed or one.before != one.after
    ]
    paper().print()
    if shown:
        print_table(paper(), names, shown)
    paper().print(f"{len(rows) - len(shown)} tables have the same rows", highlight=False)


def _print_money(section: str, changes: Sequence[Change]) -> None:
    """The largest changes and the sum of all, without parts that none has."""
    moved = [one for one in changes if one.change or any(getattr(one, part) for part in PARTS)]
    paper().print()
    if not moved:
        paper().print(f"no {section} costs anything else", highlight=False)
        return
    parts = [part for part in PARTS if any(getattr(one, part) for one in moved)]
    amounts = ["before", "after", "change", *parts]
    lines: list[tuple[object, ...]] = [(one.name, *(getattr(one, name) for name in amounts)) for one in moved[:_SHOWN]]
    if rest := moved[_SHOWN:]:
        lines.append((f"({len(rest)} others)", *(_total(rest, name) for name in amounts)))
    lines.append(("all", *(_total(changes, name) for name in amounts)))
    heads = [f"{section}, {changes[0].currency}", *amounts]
    print_table(paper(), heads, lines, lambda _, value: trimmed(value), fit=True)


def _total(changes: Sequence[Change], name: str) -> Decimal:
    return sum((getattr(one, name) for one in changes), Decimal(0))


def _all(changes: Sequence[Change], rows: Sequence[RowChanges]) -> Figures:
    """One list: tables with their rows, then features, tenants and sources with their money."""
    money, counts = figures_of(changes), ["rows_before", "rows_after", "rows_added", "rows_gone", "rows_changed"]
    lines = [
        ("table", one.table, *[None] * (len(money.names) - 2), one.before, one.after, one.added, one.gone, one.changed)
        for one in rows
    ]
    return Figures([*money.names, *counts], [*lines, *((*row, *[None] * len(counts)) for row in money.rows)])
