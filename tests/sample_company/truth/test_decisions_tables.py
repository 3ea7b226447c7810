"""Tables finance decides with, reckoned by hand on a few events, calls and days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from reconcilers.sample_company.seen.facts import Budget, CostClass, Facts, Feature, OutcomeRecord
from reconcilers.sample_company.truth.answer import Truth, reckon
from reconcilers.sample_company.truth.budgets import Budgeted, budget_alerts, budget_status, budgets_by_month
from reconcilers.sample_company.truth.carve import to_nanos
from reconcilers.sample_company.truth.margins import MarginNanos
from reconcilers.sample_company.truth.outcomes import outcome_maturity, outcome_reversals
from reconcilers.sample_company.truth.review import weekly_review
from reconcilers.sample_company.truth.routes import model_comparison, route_entropy
from reconcilers.sample_company.truth.spend import Spend, cost_classes
from tests.sample_company.truth.test_decisions import FINANCE, MONTH, NOON, event
from tests.sample_company.truth.test_examples import CACHE_READ, SOURCE, call, charge, facts, key, price

MONDAY = date(2026, 9, 7)


def spend(day: date | None, cost: str, accrued: str = "0", month: date = MONTH, **told: Any) -> Spend:
    """Cost of production calls of tenant ``t1`` and feature ``f``."""
    values: dict[str, Any] = {"direct": True, "tenant_id": "t1", "feature_id": "f"}
    nanos = to_nanos(Decimal(cost)), to_nanos(Decimal(accrued))
    return Spend(month, day, SOURCE, told.pop("destination", "event"), *nanos, **(values | told))


def rows(truth: Truth, name: str) -> dict[tuple[Any, ...], Any]:
    (table,) = (one for one in truth.tables if one.name == name)
    return dict(table.rows)


# Outcomes -------------------------------------------------------------------------------------------------------------


def test_a_month_knows_as_much_as_had_been_told_some_days_after_its_events() -> None:
    """A success at once, one after three days, and an event nobody ever spoke of."""
    late = event("2.00", outcome_at=NOON + timedelta(days=3))
    table = outcome_maturity(FINANCE, [event("1.00", outcome_at=NOON), late, event("4.00", "pending")]).rows
    at_once, in_two, in_three = (table[MONTH, "f", days] for days in (0, 2, 3))
    assert (at_once.events, at_once.outcomes_known, at_once.pending, at_once.cost_per_success) == (3, 1, 2, 1)
    assert in_two == at_once
    assert (in_three.outcomes_known, in_three.cost_per_success) == (2, Decimal("1.50"))
    assert [table[MONTH, "f", days].settled for days in (14, 30)] == [True, False]


def test_what_was_said_otherwise_before_is_a_reversal() -> None:
    said = [
        OutcomeRecord("e1", "failure", "sdk", NOON),
        OutcomeRecord("e1", "success", "human", NOON + timedelta(days=30)),
        OutcomeRecord("e2", "success", "sdk", NOON),
        OutcomeRecord("e2", "success", "human", NOON + timedelta(days=1)),
    ]
    events = {"e1": event("1.00", outcome_at=NOON + timedelta(days=30), outcome_emitter="human"), "e2": event("1.00")}
    (reversal,) = outcome_reversals(replace(FINANCE, outcomes=said), events).rows.values()
    assert (reversal.first_outcome, reversal.first_emitter, reversal.first_month) == ("failure", "sdk", MONTH)
    assert (reversal.outcome, reversal.outcome_emitter, reversal.month) == ("success", "human", date(2026, 10, 1))


# Routes ---------------------------------------------------------------------------------------------------------------


def test_a_route_is_held_against_the_cheapest_that_has_thirty_successes() -> None:
    enough = [event("1.00", workflow="w", model_route="large") for _ in range(30)]
    few = [
        event("0.50", workflow="w", model_route="small"),
        event("0.10", "failure", workflow="w", model_route="small"),
    ]
    table = model_comparison([*enough, *few]).rows
    small, large = table[MONTH, "w", "small"], table[MONTH, "w", "large"]
    assert (small.cost_per_success, small.failure_share) == (Decimal("0.60"), Decimal("0.5"))
    assert (small.above_cheapest, large.above_cheapest) == (Decimal("-0.40"), 0)


def test_the_entropy_of_routing_is_in_bits() -> None:
    """Three calls of one model and one of another: 0.811278 bits; of one model alone 0."""
    names = ["large", "large", "large", "small"]
    tellings = [call(1000, key=key(model=name), number=number) for number, name in enumerate(names)]
    tellings.append(call(1000, "e2", key=key(model="large"), number=9))
    truth = reckon(facts([charge("0.01", "1000")], tellings))
    assert [truth.event_cost[name].routing_entropy for name in ("e1", "e2")] == [Decimal("0.811278"), 0]
    bands = {band: one.events for (_, _, band), one in route_entropy(truth.event_cost.values()).rows.items()}
    assert bands == {"up to 1": 1, "one model": 1}


# Classes of cost ------------------------------------------------------------------------------------------------------


def test_the_class_that_names_an_environment_counts_before_one_that_names_a_destination() -> None:
    classes = [
        CostClass(None, None, "sales"),
        CostClass(None, "event", "cogs"),
        CostClass("STAGING", None, "r_and_d"),
        CostClass("staging", "event", "g_and_a"),
    ]
    spent = [
        spend(MONDAY, "1.00", environment="staging"),
        spend(MONDAY, "2.00", environment="staging", destination="untagged"),
        spend(MONDAY, "4.00", "0.50", environment="live"),
        spend(None, "8.00", destination="tax"),
    ]
    found = {key[1]: one for key, one in cost_classes(replace(FINANCE, cost_classes=classes), spent).rows.items()}
    assert {name: one.reconciled_cost for name, one in found.items()} == {
        "g_and_a": 1,
        "r_and_d": 2,
        "cogs": 4,
        "sales": 8,
    }
    assert found["cogs"].accrued_cost == Decimal("0.50")
    (unclassified,) = cost_classes(FINANCE, spent[:1]).rows
    assert unclassified[1] == "(unclassified)"


# Budgets --------------------------------------------------------------------------------------------------------------


def budgeted(budget: Budget, *spent: Spend, **declared: Any) -> Budgeted:
    (one,) = budgets_by_month(replace(FINANCE, budgets=[budget], **declared), spent)
    return one


def fortnight(cost: str = "1.00") -> list[Spend]:
    """From Tuesday 1 September to the 14th."""
    return [spend(MONTH + timedelta(days=number), cost) for number in range(14)]


def test_a_budget_forecasts_the_medians_of_the_weekdays_left() -> None:
    """14 known days at 1.00, of which one Monday cost 11.00: of its weekday the median is 6.00, and two Mondays are left."""
    one = budgeted(Budget("all", None, None, Decimal(100)), *fortnight(), spend(MONDAY, "9.50", "0.50"))
    assert (one.spent, one.accrued) == (to_nanos(Decimal("23.50")), to_nanos(Decimal("0.50")))
    assert (one.days_left, one.history_days) == (16, 14)
    assert one.forecast == to_nanos(Decimal("24.00") + 14 * 1 + 2 * 6)
    quiet = budgeted(Budget("all", None, None, Decimal(100)), *fortnight(), quiet_days={(MONDAY, None)})
    assert quiet.history_days == 13


def test_too_few_days_forecast_nothing_and_another_currency_is_not_known() -> None:
    six = fortnight()[:6]
    assert budgeted(Budget("all", None, None, Decimal(100)), *six).forecast is None
    assert budgeted(Budget("all", None, None, Decimal(100), currency="EUR"), *fortnight()).spent is None


def test_a_budget_of_the_month_itself_counts_before_that_of_any_month() -> None:
    budgets = [Budget("all", None, MONTH, Decimal(5)), Budget("all", None, None, Decimal(7), owner="x")]
    found = budgets_by_month(replace(FINANCE, budgets=budgets), fortnight())
    assert [(one.budget.amount, one.owner) for one in found] == [(5, "finance")]


def test_what_is_for_others_is_not_of_the_budget() -> None:
    spent = [
        *fortnight(),
        spend(MONDAY, "5.00", tenant_id="t2"),
        spend(MONDAY, "7.00", direct=False, tenant_id=None, destination="no_telemetry"),
        spend(MONDAY, "100.00", direct=False, destination="out_of_scope"),
    ]
    assert budgeted(Budget("tenant", "t1", None, Decimal(100)), *spent).spent == to_nanos(Decimal(14))
    assert budgeted(Budget("all", None, None, Decimal(100)), *spent).spent == to_nanos(Decimal(26))


def test_each_state_is_told_once_on_its_day_with_who_drove_it() -> None:
    """Of 10.00 the warning of 7.50 is reached on the 8th, 9.00 on the 9th, and more than all of it on the 11th."""
    spent = [*fortnight(), spend(MONDAY + timedelta(days=7), "0.10", feature_id="g", prompt_version="v1")]
    budgets = [budgeted(Budget("all", None, None, Decimal(10)), *spent)]
    (status,) = budget_status(budgets).rows.values()
    assert (status.state, status.state_since, status.share_spent) == ("exceeded", date(2026, 9, 11), Decimal("1.41"))
    alerts = budget_alerts(spent, budgets).rows
    told = {(key[3].day, key[4]): one.measured for key, one in alerts.items()}
    assert told == {(8, Decimal("0.75")): Decimal("0.8"), (9, Decimal("0.90")): Decimal("0.9"), (11, 1): Decimal("1.1")}
    assert {(one.driver_feature_id, one.driver_tenant_id, one.driver_prompt_version) for one in alerts.values()} == {
        ("f", "t1", None)
    }
    at_once = [spend(MONDAY, "20.00")]
    one = budgeted(Budget("all", None, None, Decimal(10)), *at_once)
    assert [key[4] for key in budget_alerts(at_once, [one]).rows] == [1]


# Savings --------------------------------------------------------------------------------------------------------------


def saved(tokens: list[int], **declared: Any) -> dict[str, tuple[Decimal, int]]:
    """By lever what calls of feature ``f`` would have saved, at 10.00 a million tokens."""
    tellings = [call(number, number=place, feature_id="f") for place, number in enumerate(tokens)]
    prices = [price("10"), price("5", batch="true"), price("1", meter=CACHE_READ), price("2", model="small")]
    known = {"contract_prices": prices, "cheaper_models": {"model": "small"}, **declared}
    bill = charge(str(Decimal(sum(tokens)) / 100_000), str(sum(tokens)))
    found = rows(reckon(facts([bill], tellings, **known)), "fct_savings")
    return {lever: (row.saving, row.calls) for (_, _, lever), row in found.items()}


@pytest.mark.parametrize(
    ("feature", "levers"),
    [
        (Feature(), {}),
        (Feature(batchable=True), {"batch": (Decimal("0.005"), 2)}),
        (Feature(risk="low"), {"cheaper_route": (Decimal("0.008"), 2)}),
        (Feature(risk="high"), {}),
    ],
)
def test_only_what_finance_allows_is_a_saving(feature: Feature, levers: dict[str, Any]) -> None:
    """1,000 tokens cost 0.01; half as a batch, a fifth on the cheaper model. Prefixes below 1,024 tokens are not cached."""
    found = saved([500, 500], features={"f": feature})
    assert {lever: found[lever] for lever in found.keys() - {"price", "quota"}} == levers


def test_calls_share_at_most_their_shortest_input() -> None:
    """Of 8,000 tokens for 0.08 the 2,000 that both may share were sent twice: 0.02, nine tenths of it."""
    assert saved([2000, 6000])["cache"] == (Decimal("0.018"), 2)


# The week -------------------------------------------------------------------------------------------------------------


def test_a_week_names_who_lost_and_the_next_whether_it_worked() -> None:
    """t1 pays 30.00 in a month of 30 days, 7.00 a week, and costs 10.00, then 8.00; t2 pays and costs nothing at all."""
    days = [MONDAY + timedelta(days=number) for number in (0, 6, 7, 13)]
    spent = [spend(day, cost) for day, cost in zip(days, ("6.00", "4.00", "3.00", "5.00"), strict=True)]
    margins = {("t1", "f", MONTH): MarginNanos(revenue=to_nanos(Decimal(30)))}
    budgets = [budgeted(Budget("all", None, None, Decimal(10)), *spent)]
    declared: Facts = replace(FINANCE, features={"f": Feature("team")})
    table = weekly_review(declared, spent, margins, {}, {}, budgets, []).rows
    path, tenant = table[MONDAY, "negative_margin_path", 1], table[MONDAY, "outlier_tenant", 1]
    assert (path.feature_id, path.tenant_id, path.amount, path.measured) == ("f", "t1", -3, 10)
    assert (path.action, tenant.action, path.owner) == ("investigate", "price", "team")
    assert table[MONDAY, "budget", 1].action == "agree on the amount"
    followed = table[MONDAY + timedelta(days=7), "last_week", 1]
    assert (followed.amount, followed.measured, followed.last_week_action) == (-1, -3, "investigate")
    assert (followed.worked, followed.action) == (True, "none: it worked")
