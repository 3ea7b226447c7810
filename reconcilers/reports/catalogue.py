"""What tables there are, what a row of each is, and what its columns mean: as the project says, beside what is published."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconcilers.errors import SettingsInvalid, nearest
from reconcilers.warehouses import dbt
from reconcilers.warehouses.base import Column, Published, Table

_GRAIN = re.compile(r"\s*\bGrain: (?P<grain>.+?)\.?$", re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """A finance table. ``published`` are the names of its columns in the published version, null where that has no such table."""

    table: Table
    published: frozenset[str] | None

    @property
    def grain(self) -> str:
        """What one row is; empty where nobody says."""
        found = _GRAIN.search(self.table.meaning)
        return found["grain"] if found else ""

    @property
    def meaning(self) -> str:
        """What the table says, without its grain."""
        return _GRAIN.sub("", self.table.meaning)

    def has(self, column: str) -> bool:
        """Whether the published version has a column."""
        return self.published is not None and column in self.published


def catalogue(published: Published | None) -> list[Entry]:
    """Every table that this release describes or that is published, in order of names; a published one nobody describes has the texts
    it carries itself."""
    said = dbt.described()
    there = {table.name: table for table in published.tables()} if published else {}
    return [_entry(said.get(name), there.get(name)) for name in sorted({*said, *there})]


def entry(published: Published | None, name: str) -> Entry:
    """One table, also as ``finance.NAME``. Raises ``SettingsInvalid`` with the nearest for a name that is none."""
    tables = {one.table.name: one for one in catalogue(published)}
    wanted = name.strip().lower().removeprefix("finance.")
    if wanted not in tables:
        raise SettingsInvalid(
            f"there is no table {name!r:.80}{nearest(wanted, tables)}", hint="`reconcile tables` lists them"
        )
    return tables[wanted]


def _entry(said: Table | None, there: Table | None) -> Entry:
    known = {column.name: column for column in said.columns} if said else dict[str, Column]()
    found = {column.name: column for column in there.columns} if there else dict[str, Column]()
    told = said or there
    assert told is not None
    columns = [*known.values(), *(column for name, column in found.items() if name not in known)]
    return Entry(Table(told.name, told.meaning, columns), frozenset(found) if there else None)
