"""Questions in SQL."""

from __future__ import annotations

import csv
import json
import sys

from reconcilers.console.paper import in_json, paper, print_table, written
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.choice import current


def print_query(settings: Settings, sql: str, output: str) -> None:
    """Result of a read-only query as ``table``, ``csv`` or ``json``. Raises ``SettingsInvalid`` where it fails."""
    found = current(settings).ask(sql)
    names, rows = found.names, found.rows
    if output == "json":
        if twice := next((name for name in names if names.count(name) > 1), None):
            hint = "give each a name of its own with `as`"
            raise SettingsInvalid(f"two columns are named {twice}, and JSON holds one", hint=hint)
        objects = [dict(zip(names, map(in_json, row), strict=True)) for row in rows]
        sys.stdout.write(json.dumps(objects, indent=1) + "\n")
    elif output == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows([[inert(value) for value in row] for row in rows])
    elif rows:
        print_table(paper(), names, rows, records=True)
    else:
        paper().print("no rows")


def inert(value: object) -> str:
    """A value for a spreadsheet: text that it would run as a formula is made plain text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else written(value)
