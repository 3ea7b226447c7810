"""Why a feature got its verdict, as a sentence with the numbers of the rule that decided (``fct_feature_verdicts``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

#: Rule → the kind of its numbers (``money``, ``unit`` or ``share``) and what it says of them.
REASONS = {
    "no_success": ("money", "{measured} was spent on it without a success"),
    "dearer_than_its_worth": ("unit", "a success costs {measured} and is worth {threshold}; the lever brings it below"),
    "dearer_than_its_worth_whatever_is_saved": (
        "unit",
        "a success costs {measured} and is worth {threshold}, and no lever brings it below",
    ),
    "sold_below_cost": ("money", "its revenue less its direct cost, accruals included, is {measured}"),
    "one_tenant_costs_most_and_loses": ("share", "one tenant, on which it loses, takes {measured} of its direct cost"),
    "wasteful": ("share", "{measured} of its cost is waste, from {threshold} on it is too much"),
    "rising": ("share", "a success costs {measured} more than the month before, from {threshold} on it is too much"),
    "nobody_says_its_worth": ("money", "neither its value nor its revenue is known"),
    "worth_more_than_it_costs": ("unit", "a success costs at most {measured} and is worth {threshold}"),
    "bounds_disagree": ("unit", "the two bounds of what a success costs, at most {measured}, ask for different things"),
}


def reason(verdict: Mapping[str, Any], shown: Callable[[str, Decimal | None], str]) -> str:
    """The sentence of one row of ``fct_feature_verdicts``; ``shown`` writes a number of a kind."""
    kind, says = REASONS.get(verdict["rule"], ("money", str(verdict["rule"]).replace("_", " ")))
    measured, threshold = (verdict[name] for name in ("measured", "threshold"))
    # A value nobody declares is no number to compare with.
    if threshold is None:
        says = says.replace(" and is worth {threshold}", "")
    return says.format(measured=shown(kind, measured), threshold=shown("money" if kind == "unit" else kind, threshold))
