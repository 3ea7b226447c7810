"""Whether two published versions say the same: every finance table, both directions, names and types of columns included."""

from __future__ import annotations

import hashlib

import duckdb

from reconcilers.warehouses.duckdb import FINANCE_FILE, Version, read_only

Columns = list[tuple[str, str]]


def differences(left: Version, right: Version, shown: int = 3) -> list[str]:
    """One line per difference between two versions: a table or column only one has, or some rows only one has."""
    with read_only(left.folder) as connection:
        connection.execute(
            f"attach '{str(right.folder / FINANCE_FILE).replace(chr(39), chr(39) * 2)}' as other (read_only)"
        )
        ours, theirs = _tables(connection, None), _tables(connection, "other")
        assert ours, f"no finance tables in {left.place}"
        found = [f"table {name} is in one version only" for name in sorted(ours.keys() ^ theirs.keys())]
        for name in sorted(ours.keys() & theirs.keys()):
            if ours[name] != theirs[name]:
                found.append(f"columns of {name}: {sorted(set(ours[name]) ^ set(theirs[name]))}")
                continue
            here, there = f"finance.{name}", f"other.finance.{name}"
            for side, one, another in (("left", here, there), ("right", there, here)):
                rows = connection.execute(f"select * from {one} except all select * from {another}").fetchall()
                found += [f"{name}: {len(rows)} rows on the {side} only, such as {row}" for row in rows[:shown]]
    return found


def digest(version: Version | duckdb.DuckDBPyConnection) -> str:
    """One hash of all a version says, or of what is behind a connection to one.

    Every table is read whole, so that a torn file cannot pass for a good one.
    """
    if isinstance(version, Version):
        with read_only(version.folder) as connection:
            return digest(connection)
    told = hashlib.sha256()
    for name, columns in sorted(_tables(version, None).items()):
        told.update(f"{name} {columns}\n".encode())
        for row in version.execute(f"select * from finance.{name} order by all").fetchall():
            told.update(f"{row}\n".encode())
    return told.hexdigest()


def _tables(connection: duckdb.DuckDBPyConnection, database: str | None) -> dict[str, Columns]:
    rows = connection.execute(
        """select table_name, column_name, data_type from information_schema.columns
           where table_schema = 'finance' and table_catalog = coalesce(?, current_database())
           order by table_name, ordinal_position""",
        [database],
    ).fetchall()
    tables: dict[str, Columns] = {}
    for table, column, kind in rows:
        tables.setdefault(table, []).append((column, kind))
    return tables
