"""The published bill as a file for other tools."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from reconcilers.console.paper import console, here
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.focus_export import dataset, text_of
from reconcilers.reports.completeness import told
from reconcilers.reports.files import rows_of, whole, write_csv, write_parquet
from reconcilers.warehouses.choice import current


def write_focus(settings: Settings, version: str, month: date, out: Path) -> None:
    """A billing month as FOCUS, in the form the file's name ends in. Raises ``SettingsInvalid`` for a month nothing is billed in, and another
    ending than ``.csv`` or ``.parquet``."""
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise SettingsInvalid(f"{out.name} says no form of FOCUS", hint="name a file that ends in .csv or .parquet")
    published = current(settings)
    batches = dataset(settings, published, month, version)
    with whole(out) as file:
        if out.suffix.lower() == ".parquet":
            write_parquet(file, batches)
        else:
            with file.open("w", encoding="utf-8", newline="") as sheet:
                write_csv(sheet, batches.schema.names, ([text_of(value) for value in row] for row in rows_of(batches)))
    console.print(f"wrote {here(out)}", soft_wrap=True, markup=False, highlight=False)
    for line in told(published.facts, month):
        console.print(f"{month:%Y-%m} not complete: {line}", soft_wrap=True, markup=False, highlight=False)
