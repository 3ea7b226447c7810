"""What is missing of each month, in words, from ``fct_completeness`` (rule R34)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from reconcilers.warehouses.base import Figures


def incomplete(completeness: Figures) -> dict[str, list[str]]:
    """Month (``2026-09``) → what is missing of it, a line for each source; a month that is complete is not here."""
    months: dict[str, list[str]] = {}
    rows = [dict(zip(completeness.names, row, strict=True)) for row in completeness.rows]
    for row in sorted(rows, key=lambda row: (row["month"], row["source"])):
        if not row["month_complete"]:
            lines = months.setdefault(f"{row['month']:%Y-%m}", [])
            if missing := list(_missing(row)):
                lines.append(f"{row['source']}: {', '.join(missing)}")
    return {month: lines or ["the month is not over"] for month, lines in months.items()}


def told(facts: Mapping[str, Any], month: date) -> list[str]:
    """The same of one month, from what a publication says of its run; an older release did not look."""
    if "incomplete" not in facts:
        return ["not looked at; run again"]
    found: list[str] = facts["incomplete"].get(f"{month:%Y-%m}", [])
    return found


def _missing(row: Mapping[str, Any]) -> Iterator[str]:
    if row["days_missing"]:
        yield f"{row['days_missing']} of {row['days_expected']} days missing"
    if row["units_rejected"]:
        yield f"{row['units_rejected']} files or days refused"
    if row["records_rejected"]:
        yield f"{row['records_rejected']} records not read"
    if row["duplicate_lines"]:
        yield f"{row['duplicate_lines']} lines left out or counted twice{_worth(row['duplicate_amount'], row['currency'])}"
    if row["charges_without_rate"]:
        worth = _worth(row["amount_without_rate"], row["currency_without_rate"])
        yield f"{row['charges_without_rate']} charges without a rate{worth}"


def _worth(amount: Any, currency: str | None) -> str:
    if amount is None or currency is None:
        return ""
    whole, _, fraction = f"{amount:f}".partition(".")
    return f" ({whole}.{fraction.rstrip('0').ljust(2, '0')} {currency})"
