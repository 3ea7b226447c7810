"""What an outcome must be sold for, and what a price of it would have earned: by feature and tenant, on the events of one month.

Every figure stands on both bounds of R24. *Low*: all resolved events (success, failure, partial), a partial as half a success, and events
of which no call was seen as the successes they say they are. *High*: all events, pending and given up ones too, and what is accrued, over
the successes known. Per success these are ``break_even_low`` and ``break_even_high``, the prices at which the feature just pays its calls.
A price earns ``price`` for every success of the bound; ``contribution_margin_low`` is the worst of it, at the high cost, and ``…_high``
the best. Costs are those of the month's events over their whole life, as in ``rpt_unit_costs``; coverage, status and what was really earned
are of ``fct_tenant_margin``. Shared cost belongs to tenants and to no feature (R26), so it is in no figure here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from reconcilers.errors import SettingsInvalid, nearest
from reconcilers.money import nanos_of
from reconcilers.warehouses.base import Figures, Published

#: The row of a feature that is all its tenants.
EVERYBODY = "(all)"
_MONTH_OF = (
    "extract(year from coalesce(outcome_at, ended_at)) * 12 + extract(month from coalesce(outcome_at, ended_at))"
)
#: As rpt_unit_costs counts: production events in the month they were resolved in, else of their last call; those of which no call was seen,
#: in a feature whose others have calls, apart.
_EVENTS = f"""
with months as (
    select feature_id, tenant_id, outcome, production, calls, reconciled_cost, accrued_cost,
        max(calls) over (partition by feature_id) as most_calls
    from finance.fct_cost_per_outcome
    where {_MONTH_OF} = ?
)

select coalesce(feature_id, '(none)') as feature_id, coalesce(tenant_id, '(unassigned)') as tenant_id,
    calls = 0 and most_calls > 0 as unobserved, outcome, count(*) as events, sum(reconciled_cost) as cost, sum(accrued_cost) as accrued
from months
where production
group by 1, 2, 3, 4
"""
_MARGINS = """
select feature_id, tenant_id, revenue, share_attributed, share_reconciled, status, currency
from finance.fct_tenant_margin
where month = ?
"""
_FEATURES = """
select slice_value, share_attributed, share_reconciled
from finance.rpt_unit_costs
where slice = 'feature' and month = ?
"""
_LAST_MONTH = "select max(month) from finance.rpt_unit_costs where successes > 0"


@dataclass(frozen=True)
class Outcomes:
    """Events of one scope and month; amounts in nanos."""

    successes: int = 0
    partials: int = 0
    unobserved_successes: int = 0
    resolved_cost: int = 0
    open_cost: int = 0
    accrued: int = 0

    @property
    def high_cost(self) -> int:
        return self.resolved_cost + self.open_cost + self.accrued

    @property
    def halves_low(self) -> int:
        """Successes of the low bound, in halves."""
        return 2 * (self.successes + self.unobserved_successes) + self.partials

    def __add__(self, other: Outcomes) -> Outcomes:
        return Outcomes(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Outcomes)))


@dataclass(frozen=True)
class WhatIf:
    """A feature and tenant, or a feature and all its tenants (``EVERYBODY``), in one month. Null where nobody knows, or no price was told.

    ``holds``: whether the price pays the calls: ``yes`` and ``no`` on both bounds, else ``depends``.
    """

    feature_id: str
    tenant_id: str
    month: date
    successes: int
    break_even_low: Decimal | None
    break_even_high: Decimal | None
    price: Decimal | None
    contribution_margin_low: Decimal | None
    contribution_margin_high: Decimal | None
    margin_rate_low: Decimal | None
    margin_rate_high: Decimal | None
    holds: str | None
    revenue: Decimal | None
    share_attributed: Decimal | None
    share_reconciled: Decimal | None
    status: str
    currency: str


def what_if(
    published: Published,
    feature: str | None = None,
    tenant: str | None = None,
    price: Decimal | None = None,
    month: date | None = None,
) -> list[WhatIf]:
    """A row for each tenant of each feature and one for all its tenants, the dearest feature first; of one feature, one tenant, where told.

    ``price`` is what a success would be sold for, in the reporting currency; ``month`` is the last one with a success where none is told.
    Raises ``SettingsInvalid`` for a feature, tenant or month that is not published.
    """
    _known(published, "dim_features", "feature_id", feature)
    _known(published, "dim_tenants", "tenant_id", tenant)
    month = month or published.ask(_LAST_MONTH).rows[0][0]
    if month is None:
        raise SettingsInvalid("no published month has a success", hint="`reconcile status` says what is missing")
    outcomes = _outcomes(published, month)
    margins = {row[:2]: row[2:] for row in published.ask(_MARGINS, month).rows}
    features = {name: shares for name, *shares in published.ask(_FEATURES, month).rows}
    found = []
    for name in sorted({one for one, _ in outcomes}, key=lambda one: -_whole(outcomes, one).high_cost):
        if feature not in (None, name):
            continue
        mine = {key: row for key, row in margins.items() if key[0] == name}
        everybody = _row(name, EVERYBODY, month, price, _whole(outcomes, name), list(mine.values()), features.get(name))
        tenants = [
            _row(
                name,
                one,
                month,
                price,
                outcomes[name, one],
                [margins[name, one]] if (name, one) in margins else [],
                None,
            )
            for one in sorted(one for of, one in outcomes if of == name and tenant in (None, one))
        ]
        found += tenants if tenant else [everybody, *tenants]
    if not found:
        scope = " and ".join(one for one in (feature, tenant) if one)
        raise SettingsInvalid(f"{scope or 'the company'} had no event in {month:%B %Y}", hint="name another --month")
    return found


def figures_of(rows: Sequence[WhatIf]) -> Figures:
    """The same as rows; what no price was told for is left out."""
    names = [field.name for field in fields(WhatIf)]
    if all(row.price is None for row in rows):
        at_a_price = {"price", "holds", *(name for name in names if "margin" in name)}
        names = [name for name in names if name not in at_a_price]
    return Figures(names, [tuple(getattr(row, name) for name in names) for row in rows])


def _known(published: Published, table: str, column: str, name: str | None) -> None:
    if name is None:
        return
    names = [one for (one,) in published.ask(f"select {column} from finance.{table}").rows]
    if name not in names:
        kind = column.removesuffix("_id")
        hint = f'`reconcile query "select {column} from finance.{table}"` lists them'
        raise SettingsInvalid(f"there is no {kind} {name!r:.80}{nearest(name, names)}", hint=hint)


def _outcomes(published: Published, month: date) -> dict[tuple[str, str], Outcomes]:
    found: dict[tuple[str, str], Outcomes] = {}
    for feature, tenant, unobserved, outcome, events, cost, accrued in published.ask(
        _EVENTS, month.year * 12 + month.month
    ).rows:
        if unobserved:
            one = Outcomes(unobserved_successes=int(events) if outcome == "success" else 0)
        else:
            nanos = nanos_of(cost)
            resolved = outcome in ("success", "failure", "partial")
            one = Outcomes(
                successes=int(events) if outcome == "success" else 0,
                partials=int(events) if outcome == "partial" else 0,
                resolved_cost=nanos if resolved else 0,
                open_cost=0 if resolved else nanos,
                accrued=nanos_of(accrued),
            )
        found[feature, tenant] = found.get((feature, tenant), Outcomes()) + one
    return found


def _whole(outcomes: dict[tuple[str, str], Outcomes], feature: str) -> Outcomes:
    return sum((one for (of, _), one in outcomes.items() if of == feature), Outcomes())


def _row(
    feature: str,
    tenant: str,
    month: date,
    price: Decimal | None,
    told: Outcomes,
    margins: Sequence[tuple[Any, ...]],
    shares: Sequence[Decimal | None] | None,
) -> WhatIf:
    """``margins`` are rows of fct_tenant_margin of the scope; ``shares`` the coverage of all tenants, which theirs does not tell."""
    revenue, attributed, reconciled, status, currency = zip(*margins, strict=True) if margins else ((),) * 5
    low, high = _per(2 * told.resolved_cost, told.halves_low), _per(told.high_cost, told.successes)
    worst, best = _at(price, 2 * told.successes, told.high_cost), _at(price, told.halves_low, told.resolved_cost)
    return WhatIf(
        feature_id=feature,
        tenant_id=tenant,
        month=month,
        successes=told.successes,
        break_even_low=low,
        break_even_high=high,
        price=price,
        contribution_margin_low=worst[0],
        contribution_margin_high=best[0],
        margin_rate_low=worst[1],
        margin_rate_high=best[1],
        holds=_holds(price, low, high),
        revenue=None if not revenue or None in revenue else sum(revenue, Decimal(0)),
        share_attributed=shares[0] if shares else _least(attributed),
        share_reconciled=shares[1] if shares else _least(reconciled),
        status=max(status, default="provisional"),
        currency=max(currency, default=""),
    )


def _at(price: Decimal | None, half_successes: int, cost: int) -> tuple[Decimal | None, Decimal | None]:
    """The margin of so many half successes at a price, and its part of what they earn."""
    if price is None:
        return None, None
    earned = nanos_of(price) * half_successes // 2
    return _money(earned - cost), _per(10**9 * (earned - cost), earned)


def _holds(price: Decimal | None, low: Decimal | None, high: Decimal | None) -> str | None:
    if price is None or low is None:
        return None
    if high is not None and price >= high:
        return "yes"
    return "no" if price < low else "depends"


def _per(nanos: int, pieces: int) -> Decimal | None:
    """Nanos by pieces, rounded half up as the tables do; null without a piece."""
    return _money((2 * nanos + pieces) // (2 * pieces)) if pieces > 0 else None


def _money(nanos: int) -> Decimal:
    return Decimal(nanos).scaleb(-9)


def _least(shares: Sequence[object]) -> Decimal | None:
    known = [one for one in shares if isinstance(one, Decimal)]
    return min(known, default=None)
