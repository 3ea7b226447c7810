"""What a column of a reference file may say, by its type: text to a value, or a ``ValueError`` that says what is wrong with it.

Bounds are far beyond what anybody declares. They keep what is a unit off, or a slip of the keyboard, from a sum, and every
product of a value with a quantity within the integers the warehouse reckons in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from reconcilers.errors import nearest
from reconcilers.ingest.lake import METERS
from reconcilers.money import is_currency, parse_amount, round_half_away
from reconcilers.periods import parse_day

#: Destinations that no call of a tenant carries.
POOLS = (
    "tax",
    "support_and_fees",
    "credit",
    "commitment_idle",
    "commitment_shortfall",
    "platform_usage",
    "unmapped",
    "prior_period",
    "non_production",
    "sampled_out",
    "no_telemetry",
    "unexplained",
    "refund_and_dispute",
    "rounding",
)
#: Closed lists: what a column of that type may say, and nothing else. A typo in one would make a rule that never applies.
CHOICES: dict[str, tuple[str, ...]] = {
    "meter": tuple(METERS),
    "dimension": ("service_tier", "batch", "context_band", "geography", "region", "speed", "modality", "cache_ttl"),
    "batch": ("true", "false"),
    "context_band": ("standard", "long"),
    "modality": ("text", "image", "audio", "video"),
    "cache_ttl": ("5m", "30m", "1h"),
    "category": ("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
    # where a rule may put a line of a bill
    "ruled": ("out_of_scope", "support_and_fees", "commitment_shortfall", "platform_usage"),
    # what no call of a tenant carries, and a driver may move to tenants (R26)
    "pool": POOLS,
    # where money can end (R5)
    "destination": ("out_of_scope", "event", "untagged", *POOLS),
    "driver": ("direct_cost", "revenue"),
    # how dear a wrong answer of a feature is
    "risk": ("low", "medium", "high"),
    "cost_class": ("cogs", "r_and_d", "sales", "g_and_a"),
    "model_tier": ("top", "mid", "small"),
    "budget_scope": ("all", "tenant", "feature", "segment"),
    # what the watch tells of: seed alert_kinds
    "alert_kind": (
        "cost_per_call_drift",
        "tenant_concentration",
        "burst_with_falling_success",
        "runaway_run",
        "telemetry_quiet",
        "budget_state",
        "unattributed_share",
        "capture_rate",
        "negative_margin_tenant",
        "price_change",
    ),
}

#: What no number of a reference file reaches: a price of a thousand for one unit of a meter, a rate of any two currencies.
MOST = Decimal(10**9)
#: Days after which no bill of a day changes any more, and days a batch is dated away from its call.
MOST_FINALITY_DAYS, MOST_BATCH_DAYS = 400, 31


def _one_of(allowed: tuple[str, ...], text: str) -> str:
    if text not in allowed:
        raise ValueError(f"{text!r:.40} is none of {', '.join(allowed)}{nearest(text, allowed)}")
    return text


def _boolean(text: str) -> bool:
    return _one_of(("true", "false"), text) == "true"


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise ValueError(f"{text!r:.40} is no whole number")
    if len(text) > 19 or abs(value := int(text)) >= 2**63:
        raise ValueError(f"{text!r:.40} is too large")
    return value


def _count(most: int, text: str) -> int:
    if (value := _whole(text)) < 0:
        raise ValueError(f"{text!r:.40} is negative")
    if value > most:
        raise ValueError(f"{text!r:.40} is more than {most}, the most that makes sense here")
    return value


def _batch_day(text: str) -> int:
    if abs(value := _whole(text)) > MOST_BATCH_DAYS:
        raise ValueError(f"{text!r:.40} is more than {MOST_BATCH_DAYS} days away")
    return value


def _number(text: str) -> Decimal:
    try:
        value = round_half_away(parse_amount(text))
    except ValueError as error:
        spelled = "; write a point before the decimals, and nothing between thousands" if "," in text else ""
        raise ValueError(f"{error}{spelled}") from None
    if value >= MOST:
        raise ValueError(f"{text!r:.40} is {MOST:,} or more, which no price, unit or rate is")
    return value


def _not_negative(text: str) -> Decimal:
    if (value := _number(text)) < 0:
        raise ValueError(f"{text!r:.40} is negative")
    return value


def _positive(text: str) -> Decimal:
    if not (value := _not_negative(text)):
        raise ValueError(f"{text!r:.40} is zero to nine decimals")
    return value


def _rate(text: str) -> Decimal:
    """What an amount is multiplied by as written (R3): rounding it is the company's to do, once, in the file."""
    if (value := _positive(text)) != parse_amount(text):
        raise ValueError(f"{text!r:.40} has more than nine decimals; write the rate that the books use")
    return value


def _share(text: str) -> Decimal:
    if (value := _positive(text)) > 1:
        raise ValueError(f"{text!r:.40} is more than 1, the whole; write 0.75 for 75 percent")
    return value


def _currency(text: str) -> str:
    if not is_currency(text):
        meant = text.upper() if is_currency(text.upper()) else ""
        near = f"; nearest is {meant}" if meant else ""
        raise ValueError(f"{text!r:.40} is no currency code of ISO 4217, such as USD{near}")
    return text


def _day(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError(f"{text!r:.40} is no day, written YYYY-MM-DD")
    try:
        return parse_day(text)
    except ValueError as error:
        raise ValueError(f"{text!r:.40} is no day: {error}") from None


def _month(text: str) -> date:
    if (day := _day(text)).day != 1:
        raise ValueError(f"{text!r:.40} is not the first day of a month; nearest is {day:%Y-%m}-01")
    return day


def _time(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r:.40} is no time of day, HH:MM in UTC")
    return text


PARSERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "caseless": str.lower,
    "int64": _whole,
    "tokens": partial(_count, 10**12),
    "finality": partial(_count, MOST_FINALITY_DAYS),
    "batch_days": _batch_day,
    "not_negative": _not_negative,
    "positive": _positive,
    "rate": _rate,
    "share": _share,
    "currency": _currency,
    "date": _day,
    "month": _month,
    "time": _time,
    "bool": _boolean,
    **{kind: partial(_one_of, allowed) for kind, allowed in CHOICES.items()},
}
