"""What the texts of FOCUS columns mean: amounts, times, words of closed lists; and which of them mean the same.

Each function takes the text of one column and raises ``ValueError`` for one that means nothing: ``NewWord`` where it is none of a closed
list, ``NoInstant`` where it is no time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache

from reconcilers import money
from reconcilers.ingest.lake import METERS
from reconcilers.periods import check_instant, parse_instant

#: FOCUS 2.12 ChargeCategory, in lower case ← any spelling.
CATEGORIES = {name.lower(): name for name in ("Usage", "Purchase", "Tax", "Credit", "Adjustment")}
#: Columns of one word of a short list, which is compared without case.
WORD_COLUMNS = ("x_ServiceTier", "x_ContextBand", "x_Geography", "x_Speed", "x_Modality", "x_CacheTtl")


#: Columns of money that is charged.
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
#: Column of quantities → the column of their units: the two are one value.
UNIT_OF = {"ConsumedQuantity": "ConsumedUnit", "PricingQuantity": "PricingUnit"}
QUANTITY_IN = {unit_name: name for name, unit_name in UNIT_OF.items()}


class NewWord(ValueError):
    """A value outside a closed list."""


class NoInstant(ValueError):
    """A time in a form that could be read in two ways, or in none."""


@lru_cache(maxsize=1 << 16)
def instant(text: str) -> datetime:
    try:
        found = parse_instant(text)
    except ValueError as error:
        raise NoInstant(str(error)) from None
    check_instant(found)
    return found


@lru_cache(maxsize=4096)
def month(text: str) -> date:
    if re.fullmatch(r"\d{4}-?\d\d", text):
        text = f"{text[:4]}-{text[-2:]}-01"  # 202609, as Google writes an invoice's month, or 2026-09
    told: datetime = instant(text)
    return told.date().replace(day=1)


def category(text: str) -> str:
    try:
        return CATEGORIES[text.lower()]
    except KeyError:
        raise NewWord(f"{text!r:.60} is none of {', '.join(CATEGORIES.values())}") from None


@lru_cache(maxsize=1024)
def currency(text: str) -> str:
    if not re.fullmatch("[A-Za-z]{3}", text.strip()):
        raise ValueError(f"{text!r:.20} is not an ISO 4217 code")
    return text.strip().upper()


@lru_cache(maxsize=1024)
def known_meter(text: str) -> str:
    """A meter however it is spelled (``Input Tokens``); one that nobody knows stays as told, and its money is ``unmapped``."""
    plain = re.sub("[ -]", "_", text.strip().lower())
    return plain if plain in METERS else text


def meter(text: str) -> str:
    if text not in METERS:
        raise NewWord(f"{text!r:.60} is none of {', '.join(METERS)}")
    return text


def truth(text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r:.20} is neither true nor false")
    return text.lower()


def reduction(text: str) -> str:
    if text not in ("price", "promotional"):
        raise ValueError(f"{text!r:.20} is neither price nor promotional")
    return text


def word(text: str) -> str:
    return text.strip().lower()


def words(text: str) -> list[str]:
    return text.split()


# Values of a column, for lines to be compared by ----------------------------------------------------------------------


def _plain_number(text: str) -> str:
    try:
        return money.plain(money.parse_amount(text))
    except ValueError:
        return text


@lru_cache(maxsize=1 << 16)
def _plain_time(text: str) -> str:
    return instant(text).isoformat()


@lru_cache(maxsize=1 << 14)
def tags(text: str) -> str:
    """Tags in their one spelling. Raises ``ValueError`` for what both warehouses would not read as one and the same JSON object."""
    try:
        found = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_constant)
        plain = json.dumps(found, sort_keys=True, ensure_ascii=False)
        plain.encode()
    except (ValueError, RecursionError):
        raise ValueError(f"{text!r:.60} is no JSON object") from None
    if not isinstance(found, dict):
        raise ValueError(f"{text!r:.60} is no JSON object")
    return json.dumps(found, sort_keys=True)


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _plain_tags(text: str) -> str:
    """Tags to compare lines by; a text that is none is itself."""
    try:
        return tags(text)
    except ValueError:
        return text


#: How the texts of a column become values that are equal where they mean the same; of other columns the text is the value, of amounts
#: and quantities what ``money.Amounts`` calls plain.
ONE_SPELLING: Mapping[str, Callable[[str], str]] = {
    "CommitmentDiscountQuantity": _plain_number,
    **dict.fromkeys(("ChargePeriodStart", "ChargePeriodEnd"), _plain_time),
    "BillingPeriodStart": lambda text: month(text).isoformat(),
    "BillingCurrency": currency,
    "ChargeCategory": str.lower,
    "x_Batch": str.lower,
    "x_Meter": known_meter,
    **dict.fromkeys(WORD_COLUMNS, word),
    "Tags": _plain_tags,
}
