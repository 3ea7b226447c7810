"""What a line of revenue is: its columns as text, and those texts as a lake row. Every source of revenue maps to these names.

A line is earned evenly by day over its service period (rule R27). A source never parses an amount or a day itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Literal, get_args

from reconcilers import money
from reconcilers.periods import check_instant, parse_day

REQUIRED = (
    "revenue_id",
    "tenant_id",
    "kind",
    "service_period_start",
    "service_period_end",
    "amount",
    "currency",
)
OPTIONAL = ("feature_id", "bundle_id", "bills_revenue_id", "pricing")
_KINDS = ("invoice", "accrual")
#: What the price of a line is for.
Pricing = Literal["seat", "usage", "overage", "outcome", "bundle"]
PRICINGS: tuple[Pricing, ...] = get_args(Pricing)
#: Nothing is earned over more than 20 years.
_LONGEST_DAYS = 7_320


def typed(told: Mapping[str, str | None]) -> dict[str, Any]:
    """One line as a lake row, without where it stands. Raises ``ValueError`` for what no line says."""
    for name in REQUIRED:
        if told[name] is None:
            raise ValueError(f"{name} is empty")
    start, end = (_day(name, told[name]) for name in ("service_period_start", "service_period_end"))
    if end < start:
        raise ValueError(f"service_period_end {end} is before service_period_start {start}")
    if (end - start).days > _LONGEST_DAYS:
        raise ValueError(f"service period of more than 20 years: {start} to {end}")
    if told["kind"] not in _KINDS:
        raise ValueError(f"kind {told['kind']!r:.40} is not one of {', '.join(_KINDS)}")
    if not re.fullmatch("[A-Z]{3}", told["currency"] or ""):
        raise ValueError(f"currency {told['currency']!r:.40} is not three upper-case letters")
    if told["bills_revenue_id"] is not None and told["kind"] != "invoice":
        raise ValueError("bills_revenue_id stands on an accrual; only an invoice line bills one")
    if told["feature_id"] is not None and told["bundle_id"] is not None:
        raise ValueError("both feature_id and bundle_id; a line is of one of them")
    if told["pricing"] not in (None, *PRICINGS):
        raise ValueError(f"pricing {told['pricing']!r:.40} is not one of {', '.join(PRICINGS)}")
    amount = money.charged(told["amount"] or "")
    period = {"service_period_start": start, "service_period_end": end}
    return {**told, **period, "amount": amount.rounded, "amount_text": amount.text}


def _day(name: str, text: str | None) -> date:
    try:
        day = parse_day(text or "")
    except ValueError:
        raise ValueError(f"{name} {text!r:.40} is no day, YYYY-MM-DD") from None
    check_instant(datetime.combine(day, time()))
    return day
