"""Break-even prices, and margins at a price."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from reconcilers.console.paper import paper, plain, print_table
from reconcilers.console.query import write_figures
from reconcilers.declared.settings import Settings
from reconcilers.reports.completeness import told
from reconcilers.reports.files import trimmed
from reconcilers.reports.what_if import figures_of, what_if
from reconcilers.warehouses.choice import current


def print_what_if(
    settings: Settings,
    feature: str | None,
    tenant: str | None,
    price: Decimal | None,
    month: date | None,
    output: str,
    out: Path | None,
) -> None:
    """The rows of ``what_if`` with what they stand on. Raises ``SettingsInvalid`` for a feature, tenant or month that is not published."""
    published = current(settings)
    rows = what_if(published, feature, tenant, price, month)
    if output != "table" or out:
        asked = {
            "feature": feature,
            "tenant": tenant,
            "price": None if price is None else trimmed(price),
            "month": f"{rows[0].month:%Y-%m}",
        }
        about = {name: value for name, value in asked.items() if value is not None}
        write_figures(published, figures_of(rows), output, out, about)
        return
    page = paper()
    page.print(f"{rows[0].month:%B %Y}, {plain(rows[0].currency)}, per success, low to high (R24)", highlight=False)
    lines = [
        (
            row.feature_id,
            row.tenant_id,
            row.successes,
            _range(row.break_even_low, row.break_even_high),
            *(
                []
                if price is None
                else _at_price(
                    row.contribution_margin_low,
                    row.contribution_margin_high,
                    row.margin_rate_low,
                    row.margin_rate_high,
                    row.holds,
                )
            ),
            "" if row.share_attributed is None else f"{row.share_attributed:.1%}",
            row.status,
        )
        for row in rows
    ]
    heads = ["feature", "tenant", "successes", "break-even"]
    if price is not None:
        heads += [f"margin at {trimmed(price)}", "margin rate", "pays"]
    print_table(page, [*heads, "attributed", "status"], lines, fit=True)
    for line in told(published.facts, rows[0].month):
        page.print(f"{rows[0].month:%Y-%m} not complete: {plain(line)}", highlight=False)


def _at_price(
    low: Decimal | None, high: Decimal | None, rate_low: Decimal | None, rate_high: Decimal | None, holds: str | None
) -> list[str]:
    rates = "unknown" if rate_low is None or rate_high is None else f"{rate_low:.1%} to {rate_high:.1%}"
    return [_range(low, high, 2), rates, holds or "unknown"]


def _range(low: Decimal | None, high: Decimal | None, places: int = 4) -> str:
    if low is None and high is None:
        return "no success"
    return f"{_brief(low, places)} to {_brief(high, places)}"


def _brief(value: Decimal | None, places: int) -> str:
    return "unknown" if value is None else f"{value:,.{places}f}"
