"""Questions in SQL."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from reconcilers.console.paper import console, here, paper, print_records, print_table
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.periods import parse_instant
from reconcilers.reports.files import (
    batches_of,
    rows_of,
    trimmed,
    whole,
    write_csv,
    write_json,
    write_parquet,
    write_xlsx,
)
from reconcilers.warehouses.base import Figures, Published
from reconcilers.warehouses.choice import current

if TYPE_CHECKING:
    from rich.console import Console


def print_query(settings: Settings, sql: str, output: str, out: Path | None = None, vertical: bool = False) -> None:
    """Result of a read-only query as ``table``, ``csv``, ``json``, ``parquet`` or ``xlsx``, printed or written to ``out``.

    Raises ``SettingsInvalid`` where the query fails, or a form cannot hold its result or be printed.
    """
    published = current(settings)
    if output == "parquet":
        with whole(_to(out, output)) as file:
            write_parquet(file, published.batches(sql))
    elif output == "csv":
        batches = published.batches(sql)
        _write_text(out, lambda sheet: write_csv(sheet, batches.schema.names, rows_of(batches)))
    else:
        write_figures(published, published.ask(sql), output, out, {"query": sql}, vertical)
        return
    _say(out)


def write_figures(
    published: Published,
    figures: Figures,
    output: str,
    out: Path | None,
    about: dict[str, str],
    vertical: bool = False,
) -> None:
    """Figures that are in memory, in every form; a workbook says beside ``about`` which publication they are of."""
    if output == "parquet":
        with whole(_to(out, output)) as file:
            write_parquet(file, batches_of(figures))
    elif output == "json":
        _write_text(out, lambda sheet: write_json(sheet, figures))
    elif output == "csv":
        _write_text(out, lambda sheet: write_csv(sheet, figures.names, figures.rows))
    elif output == "xlsx":
        facts = published.facts
        told = {**about, "published": published.name, "period": facts["period"], "as of": f"{facts['as_of']} UTC"}
        with whole(_to(out, output)) as file:
            write_xlsx(file, figures, told, parse_instant(facts["as_of"]))
    elif out:
        _write_text(out, lambda sheet: _print_table(paper(sheet), figures, vertical))
    else:
        _print_table(paper(), figures, vertical)
    _say(out)


def _print_table(out: Console, figures: Figures, vertical: bool) -> None:
    def text(_: str, value: object) -> str:
        return trimmed(value)

    if not figures.rows:
        out.print("no rows")
    elif vertical:
        print_records(out, figures.names, figures.rows, text)
    else:
        print_table(out, figures.names, figures.rows, text, fit=True)


def _write_text(out: Path | None, write: Callable[[IO[str]], None]) -> None:
    if out is None:
        # Lines end as each form says, not as the terminal does.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(newline="")
        write(sys.stdout)
        return
    with whole(out) as file, file.open("w", encoding="utf-8", newline="") as sheet:
        write(sheet)


def _to(out: Path | None, output: str) -> Path:
    if out is None:
        raise SettingsInvalid(f"{output} cannot be printed", hint=f"name a file with `--out FILE.{output}`")
    return out


def _say(out: Path | None) -> None:
    if out:
        console.print(f"wrote {here(out)}", soft_wrap=True, markup=False, highlight=False)
