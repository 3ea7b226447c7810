"""The months of what is published, and the page."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from reconcilers.console.paper import here, paper, plain, print_figures, print_table
from reconcilers.declared.settings import Settings
from reconcilers.reports.completeness import to_look_at, told
from reconcilers.reports.months import months_of
from reconcilers.reports.waterfall_page import write_page
from reconcilers.warehouses.choice import current


def print_report(settings: Settings, page: Path | None) -> None:
    """Waterfall, dearest features and margins of the last published month, the page written, and what to try next."""
    published = current(settings)
    out = paper()
    months = months_of(published)
    for month in months:
        out.print(f"[bold]{month.start:%B %Y}[/], {month.currency}: where every billed cent went")
        print_table(out, ["step", "cost"], [row[:2] for row in month.waterfall.rows])
        missing = told(published.facts, month.start)
        rest = month.billed - month.carried
        out.print(f"difference {rest:f}; the month is {'not complete:' if missing else 'complete'}")
        for line in (*missing, *to_look_at(published.facts, month.start)):
            out.print(f"  {plain(line)}")
        out.print()
    with_revenue = [one for one in months if any(row[1] for row in one.margins.rows)] or months[-1:]
    for month in with_revenue[-1:]:
        out.print(f"[bold]{month.start:%B %Y}[/], {month.currency}: the three dearest features per success")
        print_figures(out, month.dearest)
        out.print(
            f"[bold]{month.start:%B %Y}[/], {month.currency}: tenant margins, rounded to the cent, with the coverage they stand on"
        )
        print_figures(out, month.margins)
    written = write_page(
        published, page or settings.path(settings.home) / "published" / "waterfall.html", settings.company
    )
    out.print(f"tables    {published.place.removeprefix(f'{Path.cwd()}/')}\npage      {here(written)}")
    failed = published.ask(
        """select event_id from finance.fct_cost_per_outcome where outcome = 'failure' and production
           order by reconciled_cost desc, event_id limit 1"""
    ).rows
    command = f"{here(Path(sys.argv[0]))} {{}} --config {here(settings.file)}"
    out.print("try next", "", sep="\n", end="")
    if failed:
        explain_it = command.format(f"explain {shlex.quote(str(failed[0][0]))}")
        out.print(f"  {plain(explain_it)}   # the costliest failed event, down to the bytes", highlight=False)
    sql = "select waste_class, sum(waste_cost) from finance.fct_run_cost group by 1 order by 2 desc"
    out.print(f"  {plain(command.format(f'query {chr(34)}{sql}{chr(34)}'))}", highlight=False)
