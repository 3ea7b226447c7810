"""How a figure is written for reading. Text is made from exact decimals; nothing that is not 0 is written as 0, and what is not
known is a dash."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal

from reconcilers.reports.files import visible

#: Digits enough for any sum of published amounts.
WIDE = Context(prec=80, rounding=ROUND_HALF_UP)
#: A figure nobody knows.
UNKNOWN = "–"

#: Kind of a figure → decimals it is shown with at least. ``unit`` is money per event, success or call.
_DECIMALS = {"money": 2, "exact": 9, "unit": 4, "share": 1, "count": 0}


def shown(kind: str, value: object) -> str:
    """A figure rounded once, half away from zero; an amount too small for its decimals keeps two digits that count."""
    if value is None:
        return UNKNOWN if kind in _DECIMALS else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if kind == "month" and isinstance(value, date):
        return f"{value:%B %Y}"
    if kind in _DECIMALS and isinstance(value, (Decimal, int)):
        return _rounded(kind, Decimal(value))
    return visible(str(value))


def exact(value: object) -> str:
    """A figure with every digit that is stored."""
    return f"{value:f}" if isinstance(value, Decimal) else "" if value is None else str(value)


def places(kind: str, value: Decimal) -> int:
    """After how many decimals ``shown`` rounds a figure."""
    percent = WIDE.scaleb(value, 2) if kind == "share" else value
    least = _DECIMALS[kind]
    tiny = percent != 0 and WIDE.quantize(abs(percent), WIDE.scaleb(Decimal(1), -least)) == 0
    # Amounts have nine decimals; a ratio of them has no more either.
    return min(9, (1 - percent.adjusted() if tiny else least) + (2 if kind == "share" else 0))


def _rounded(kind: str, value: Decimal) -> str:
    decimals = places(kind, value)
    rounded = WIDE.quantize(value, WIDE.scaleb(Decimal(1), -decimals))
    if kind == "share":
        return f"{WIDE.scaleb(rounded, 2):,f}%".replace("-", "−")
    return f"{rounded:,f}".replace("-", "−")
