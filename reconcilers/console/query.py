"""Questions in SQL."""

from __future__ import annotations

import csv
import json
import sys

from reconcilers.console.paper import paper, print_table
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.choice import current


def print_query(settings: Settings, sql: str, output: str) -> None:
    """Result of a read-only query as ``table``, ``csv`` or ``json``. Raises ``SettingsInvalid`` for anything else."""
    if output not in ("table", "csv", "json"):
        raise SettingsInvalid(f"unknown format {output!r:.20}", hint="use table, csv or json")
    found = current(settings).ask(sql)
    names, rows = found.names, found.rows
    if output == "json":
        sys.stdout.write(json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str, indent=1) + "\n")
    elif output == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows([[_inert(value) for value in row] for row in rows])
    else:
        print_table(paper(), names, rows)


def _inert(value: object) -> object:
    """Text that a spreadsheet would run as a formula is made plain text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value
