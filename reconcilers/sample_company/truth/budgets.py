"""What of each budget is spent, what the month will have cost at its end, and when it reached which state (D56)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Budget, Facts
from reconcilers.sample_company.truth.carve import to_money, to_nanos
from reconcilers.sample_company.truth.economics import share
from reconcilers.sample_company.truth.spend import Spend
from reconcilers.sample_company.truth.tables import Table

ALL = "all"
OK, WARNING, SPEND_ALERT, EXCEEDED = "ok", "warning", "spend_alert", "exceeded"
_WEEKS = timedelta(days=28)
#: Days that must be known to say what is left of a month.
_FEWEST_DAYS = 7
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class BudgetStatus:
    """One budget in a month; ``forecast`` is spent, accrued, and for each day left the median of its weekday."""

    amount: Decimal
    warning_share: Decimal
    alert_share: Decimal
    spent: Decimal | None
    accrued: Decimal | None
    forecast: Decimal | None
    days_left: int
    history_days: int
    share_spent: Decimal | None
    state: str | None
    state_since: date | None
    owner: str


@dataclass(frozen=True)
class BudgetAlert:
    """A state that a budget reached on a day, by its threshold, told once."""

    measured: Decimal
    expected: Decimal | None
    estimated_cost: Decimal
    driver_feature_id: str | None
    driver_tenant_id: str | None
    driver_prompt_version: str | None
    owner: str


@dataclass(frozen=True)
class Reached:
    """The day on which what is spent first reached a state, and nanos spent by its end."""

    since: date
    spent: int


@dataclass(frozen=True)
class Budgeted:
    """A budget in one month: its own, else the one of any month. Nanos are none where its currency is not the bills'."""

    budget: Budget
    month: date
    spent: int | None
    accrued: int | None
    forecast: int | None
    days_left: int
    history_days: int
    reached: dict[str, Reached]

    @property
    def key(self) -> tuple[str, str, date]:
        return self.budget.scope, self.budget.scope_value or ALL, self.month

    @property
    def share_spent(self) -> Decimal | None:
        return None if self.spent is None else share(self.spent, to_nanos(self.budget.amount))

    @property
    def owner(self) -> str:
        assert self.budget.owner is not None
        return self.budget.owner


def budgets_by_month(facts: Facts, spent: Iterable[Spend]) -> list[Budgeted]:
    """Every budget of every month that anything is charged to, and of months that a budget names."""
    spent = [one for one in spent if one.destination != "out_of_scope"]
    days = sorted({one.day for one in spent if one.day is not None} & _known(spent))
    billed = {one.month for one in spent}
    chosen: dict[tuple[str, str, date], Budget] = {}
    for budget in sorted(facts.budgets, key=lambda one: one.month is not None):
        for month in billed if budget.month is None else {budget.month}:
            chosen[budget.scope, budget.scope_value or ALL, month] = _owned(facts, budget)
    return [
        _budgeted(facts, budget, month, _of_scope(spent, budget), days, month in billed)
        for (_, _, month), budget in chosen.items()
    ]


def _owned(facts: Facts, budget: Budget) -> Budget:
    """A budget that names no owner has its feature's, else finance."""
    feature = facts.features.get(budget.scope_value or "") if budget.scope == "feature" else None
    return replace(budget, owner=budget.owner or (feature.owner if feature else None) or "finance")


def _known(spent: Iterable[Spend]) -> set[date]:
    """Days of which anything is billed or accrued, of whomever."""
    cost: dict[date, int] = defaultdict(int)
    accrued: dict[date, int] = defaultdict(int)
    for one in spent:
        if one.day is not None:
            cost[one.day] += one.cost
            accrued[one.day] += one.accrued
    return {day for day in cost if cost[day] or accrued[day]}


def _of_scope(spent: Iterable[Spend], budget: Budget) -> list[Spend]:
    """Everything, or what production calls of somebody cost (R26)."""
    if budget.scope == ALL:
        return list(spent)
    column = "segment" if budget.scope == "segment" else f"{budget.scope}_id"
    return [one for one in spent if one.direct and getattr(one, column) == budget.scope_value]


def _budgeted(
    facts: Facts, budget: Budget, month: date, spent: list[Spend], days: list[date], is_billed: bool
) -> Budgeted:
    months_end = (month + timedelta(days=31)).replace(day=1) - _DAY
    last_day = days[-1] if days else months_end
    first_left = max(month, last_day + _DAY)
    left = [first_left + number * _DAY for number in range(max(0, (months_end - first_left).days + 1))]
    history = _history(facts, budget, spent, days)
    if not is_billed or budget.currency != facts.reporting_currency:
        return Budgeted(budget, month, None, None, None, len(left), len(history), {})
    of_month = [one for one in spent if one.month == month]
    cost, accrued = sum(one.cost for one in of_month), sum(one.accrued for one in of_month)
    forecast = None if left and len(history) < _FEWEST_DAYS else cost + accrued + _expected(history, left)
    return Budgeted(budget, month, cost, accrued, forecast, len(left), len(history), _reached(budget, month, of_month))


def _history(facts: Facts, budget: Budget, spent: list[Spend], days: list[date]) -> dict[date, int]:
    """Nanos of each usual day of the last four weeks."""
    whose = budget.scope_value or ALL
    found = {day: 0 for day in days if day > days[-1] - _WEEKS and not {(day, None), (day, whose)} & facts.quiet_days}
    for one in spent:
        if one.day in found:
            found[one.day] += one.cost + one.accrued
    return found


def _expected(history: dict[date, int], left: list[date]) -> int:
    """The days left at the median of their weekday, of a weekday not seen at that of all days."""
    by_weekday: dict[int, list[int]] = defaultdict(list)
    for day, nanos in history.items():
        by_weekday[day.weekday()].append(nanos)
    return sum(median(by_weekday[day.weekday()] or list(history.values())) for day in left)


def median(values: Iterable[int]) -> int:
    """Of an even number the mean of the two in the middle, cut."""
    ordered = sorted(values)
    return int(Fraction(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2], 2))


def _reached(budget: Budget, month: date, spent: list[Spend]) -> dict[str, Reached]:
    """States above ok; what has no day stands on the month's first."""
    daily: dict[date, int] = defaultdict(int)
    for one in spent:
        daily[one.day or month] += one.cost
    amount, total, found = to_nanos(budget.amount), 0, {}
    for day, cost in sorted(daily.items()):
        total += cost
        for state, is_reached in (
            (EXCEEDED, total > amount),
            (SPEND_ALERT, total >= amount * Fraction(budget.alert_share)),
            (WARNING, total >= amount * Fraction(budget.warning_share)),
        ):
            if is_reached and state not in found:
                found[state] = Reached(day, total)
    return found


def budget_status(budgets: Iterable[Budgeted]) -> Table:
    """As a table."""
    rows = {}
    for one in budgets:
        state = None if one.spent is None else _state(one)
        since = one.month if state == OK else one.reached[state].since if state is not None else None
        rows[one.key] = BudgetStatus(
            one.budget.amount,
            one.budget.warning_share,
            one.budget.alert_share,
            _money(one.spent),
            _money(one.accrued),
            _money(one.forecast),
            one.days_left,
            one.history_days,
            one.share_spent,
            state,
            since,
            one.owner,
        )
    return Table("fct_budget_status", ("scope", "scope_value", "month"), BudgetStatus, rows)


def _money(nanos: int | None) -> Decimal | None:
    return None if nanos is None else to_money(nanos)


def _state(one: Budgeted) -> str:
    """Of what is spent in all: what a credit took back again is not reached any more."""
    assert one.spent is not None
    amount = to_nanos(one.budget.amount)
    if one.spent > amount:
        return EXCEEDED
    if one.spent >= amount * Fraction(one.budget.alert_share):
        return SPEND_ALERT
    return WARNING if one.spent >= amount * Fraction(one.budget.warning_share) else OK


def budget_alerts(spent: Iterable[Spend], budgets: Iterable[Budgeted]) -> Table:
    """Each state a budget reached that was not passed on the same day; driven by whoever cost most up to then."""
    spent = list(spent)
    rows = {}
    for one in budgets:
        amount = to_nanos(one.budget.amount)
        higher = None
        for state, threshold in (
            (EXCEEDED, Decimal(1)),
            (SPEND_ALERT, one.budget.alert_share),
            (WARNING, one.budget.warning_share),
        ):
            reached = one.reached.get(state)
            if reached is not None and reached != higher:
                behind = [
                    row
                    for row in _of_scope(spent, one.budget)
                    if row.direct and row.day is not None and one.month <= row.day <= reached.since
                ]
                opened = datetime.combine(reached.since, time())
                rows["budget_state", *one.key[:2], opened, threshold] = BudgetAlert(
                    measured=to_money(int(Fraction(reached.spent * 10**9, amount))),
                    expected=None if one.forecast is None else to_money(int(Fraction(one.forecast * 10**9, amount))),
                    estimated_cost=to_money(reached.spent),
                    driver_feature_id=_driver(behind, "feature_id"),
                    driver_tenant_id=_driver(behind, "tenant_id"),
                    driver_prompt_version=_driver(behind, "prompt_version"),
                    owner=one.owner,
                )
            higher = reached or higher
    return Table("fct_alerts", ("kind", "scope", "scope_value", "opened_at", "threshold"), BudgetAlert, rows)


def _driver(behind: Iterable[Spend], column: str) -> str | None:
    """Who cost most; of equals the first by name."""
    cost: dict[str, int] = defaultdict(int)
    for one in behind:
        name = getattr(one, column)
        if name is not None:
            cost[name] += one.cost
    return min(cost, key=lambda name: (-cost[name], name.encode()), default=None)
