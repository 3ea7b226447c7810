"""What is published, and what came of the runs."""

from __future__ import annotations

from reconcilers.console.paper import console, paper, plain, print_table
from reconcilers.declared.settings import Settings
from reconcilers.warehouses.choice import warehouse_of


def print_status(settings: Settings) -> None:
    """The published version in a few lines."""
    published = warehouse_of(settings).current()
    if published is None:
        console.print("nothing is published yet; try `reconcile run --date DAY`")
        return
    facts = published.facts
    out = paper()
    out.print(f"published  {plain(published.place)}")
    out.print(f"period     {facts['period']}\nas of      {facts['as_of']}")
    if "reason" in facts:
        out.print(f"restated   {plain(facts['reason'])}")
    for key in ("failed_units", "warnings"):
        for text in facts[key]:
            out.print(f"{key.replace('_', ' ')}: {plain(text)}")
    for month, lines in facts.get("incomplete", {}).items():
        for line in lines:
            out.print(f"{month} not complete: {plain(line)}")
    # A charge without a rate has its own currency.
    breaks = published.ask(
        """select kind, sum(case when material then 1 else 0 end), count(*), sum(amount), currency from finance.fct_breaks
           group by kind, currency order by 2 desc, kind, currency"""
    )
    print_table(out, ["break", "material", "all", "amount", "currency"], breaks.rows)
