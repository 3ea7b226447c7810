"""What the true answer makes of events: unit costs and their bounds, margins of features, waste, verdicts, prompt versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from reconcilers.sample_company.seen.facts import Facts, Feature, RevenueLine, RunRecord, Telling
from reconcilers.sample_company.truth.answer import reckon
from reconcilers.sample_company.truth.carve import to_nanos
from reconcilers.sample_company.truth.decisions import Verdict, prompt_impacts, verdicts
from reconcilers.sample_company.truth.economics import FeatureMargin, UnitCost, Waste, feature_margins, unit_costs
from reconcilers.sample_company.truth.events import EventCost
from reconcilers.sample_company.truth.margins import MarginNanos
from tests.sample_company.truth.test_examples import METER, call, charge, facts, key

MONTH, NOON = date(2026, 9, 1), datetime(2026, 9, 10, 12)


def event(cost: str, outcome: str = "success", **told: Any) -> EventCost:
    """A production event of feature ``f`` and tenant ``t1`` that ran at noon and was resolved an hour later."""
    values: dict[str, Any] = {
        "accrued_cost": Decimal(0),
        "production": True,
        "started_at": NOON,
        "ended_at": NOON,
        "outcome_at": NOON + timedelta(hours=1) if outcome in ("success", "failure", "partial") else None,
        "tenant_id": "t1",
        "feature_id": "f",
    }
    return EventCost(reconciled_cost=Decimal(cost), outcome=outcome, **(values | told))


def unit(*events: EventCost, slice_: str = "all", value: str = "all") -> UnitCost:
    return unit_costs(FINANCE, events)[MONTH, slice_, value]


FINANCE = Facts(
    as_of=datetime(2026, 10, 20),
    segments={"t1": "large", "t2": "small"},
    features={"f": Feature("team", Decimal("2.00"), "per_seat"), "g": Feature("team", None, "per_outcome")},
)


# Unit costs (R24) -----------------------------------------------------------------------------------------------------


def test_both_bounds_of_a_success() -> None:
    """Low: a partial is half a success, an unobserved one whole. High: pending and accrued cost count, neither of those does."""
    row = unit(
        event("1.00"),
        event("0.50", "failure"),
        event("0.20", "partial"),
        event("0.30", "pending", accrued_cost=Decimal("0.07")),
        event("0", seen=False),
    )
    assert row.cost_per_success == Decimal("1.70")
    assert row.cost_per_successful_event == Decimal("1.00")
    assert row.cost_per_success_low == Decimal("0.68")
    assert row.cost_per_success_high == Decimal("2.07")
    assert (row.pending_share, row.unobserved_successes) == (Decimal("0.25"), 1)


def test_without_a_success_there_is_no_cost_of_one() -> None:
    row = unit(event("1.00", "failure"))
    assert (row.cost_per_success, row.cost_per_successful_event, row.cost_per_success_high) == (None, None, None)
    assert row.cost_per_success_low is None
    assert row.attempts_per_success is None


def test_an_event_nobody_saw_and_of_no_feature_others_are_of_is_a_success_for_nothing() -> None:
    row = unit(event("1.00"), event("0", seen=False, feature_id=None))
    assert (row.cost_per_success, row.unobserved_successes) == (Decimal("0.50"), 0)


def test_what_runs_of_an_event_nobody_saw_wasted_is_waste() -> None:
    """Their calls name another event, which has the cost."""
    wasted = {"failed_event": Decimal("0.60"), "retry_overhead": Decimal("0.15")}
    row = unit(event("3.00"), event("0", "failure", seen=False, waste=wasted))
    assert (row.waste_share, row.overhead("retry_overhead")) == (Decimal("0.25"), to_nanos(Decimal("0.15")))
    assert (row.cost_per_event, row.count("failure")) == (Decimal("3.00"), 0)


def test_slices_are_of_production_and_that_of_the_environment_of_all() -> None:
    staging = event("0.40", production=False, environment="staging", tenant_id="t2")
    events = (event("1.00", environment="production"), staging)
    assert unit(*events).cost() == to_nanos(Decimal("1.00"))
    assert unit(*events, slice_="environment", value="staging").cost_per_event == Decimal("0.40")
    assert (MONTH, "segment", "small") not in unit_costs(FINANCE, events)
    assert unit(*events, slice_="segment", value="large").cost_per_event == Decimal("1.00")


def test_the_dearest_hundredth_is_of_at_least_one_event() -> None:
    assert unit(event("3.00"), event("1.00")).top_1_percent_share == Decimal("0.75")
    hundred_and_one = [event("1.00")] * 99 + [event("10.00"), event("5.00")]
    assert unit(*hundred_and_one).top_1_percent_share == Decimal("0.131578947")
    assert unit(*hundred_and_one).percentile(50) == Decimal("1.00")
    assert unit(*hundred_and_one).percentile(99) == Decimal("5.00")


def test_users_are_those_that_events_name() -> None:
    row = unit(event("1.00", user_id="u1"), event("0.50", user_id="u1"), event("7.00"), event("0.30", user_id="u2"))
    assert (row.users, row.cost_per_active_user) == (2, Decimal("0.90"))
    assert unit(event("1.00")).users is None


def test_an_event_is_of_the_month_it_was_resolved_in_else_of_its_last_call() -> None:
    late = event("1.00", outcome_at=datetime(2026, 10, 1, 1))
    assert set(unit_costs(FINANCE, [late])) == {
        (date(2026, 10, 1), name, value)
        for name, value in [
            ("all", "all"),
            ("tenant", "t1"),
            ("feature", "f"),
            ("segment", "large"),
            *(
                (other, "(none)")
                for other in ("workflow", "prompt_version", "model_route", "environment", "data_mode", "user")
            ),
        ]
    }
    assert unit(event("1.00", "pending", ended_at=datetime(2026, 9, 30, 23))).count("pending") == 1


# Whom an event was for ------------------------------------------------------------------------------------------------


def test_a_name_two_calls_tell_differently_is_not_known() -> None:
    tellings = [
        call(100_000, tenant_id="t1", prompt_version="v1", environment="Prod"),
        call(50_000, tenant_id="t2", prompt_version="v1", environment="prod", number=1),
    ]
    run = RunRecord("r", "e1", NOON, NOON, tenant_id="t1", workflow="W")
    (one,) = reckon(facts([charge("1.50", "150000")], tellings, runs=[run])).event_cost.values()
    assert (one.tenant_id, one.prompt_version, one.environment, one.workflow) == (None, "v1", "prod", "W")


def test_an_event_without_calls_is_production_unless_its_run_says_otherwise() -> None:
    known = {"environments": {"production": True, "staging": False}}
    runs = [
        RunRecord("r1", "e1", NOON, NOON, environment="staging"),
        RunRecord("r2", "e2", NOON, NOON, environment="production"),
        RunRecord("r3", "e3", NOON, NOON),
    ]
    found = reckon(facts([], [], runs=runs, **known)).event_cost
    assert {name: one.production for name, one in found.items()} == {"e1": False, "e2": True, "e3": True}


# Margins and waste ----------------------------------------------------------------------------------------------------


def test_revenue_is_parted_by_what_its_price_is_for() -> None:
    def line(name: str, amount: str, feature: str | None = "f", **told: Any) -> RevenueLine:
        return RevenueLine(name, "t1", feature, "invoice", MONTH, date(2026, 10, 1), Decimal(amount), **told)

    lines = [
        line("seats", "5.00"),
        line("outcomes", "3.00", "g"),
        line("over", "2.00", pricing="overage"),
        line("suite", "4.00", None, bundle_id="b"),
        line("nobody", "1.00", "unheard_of"),
    ]
    told = Facts(as_of=FINANCE.as_of, features=FINANCE.features, revenue=lines, bundle_prices={("b", "f"): Decimal(1)})
    costs = {
        ("t1", "f", MONTH): MarginNanos(direct_cost=to_nanos(Decimal("3.00")), revenue=to_nanos(Decimal("11.00"))),
        ("t2", "f", MONTH): MarginNanos(direct_cost=to_nanos(Decimal("1.00"))),
        ("(unassigned)", "f", MONTH): MarginNanos(direct_cost=to_nanos(Decimal("8.00"))),
    }
    found = feature_margins(told, costs)
    of_f = found["f", MONTH]
    assert dict(of_f.revenue_by) == {
        "seat": to_nanos(Decimal(5)),
        "overage": to_nanos(Decimal(2)),
        "bundle": to_nanos(Decimal(4)),
    }
    assert dict(found["g", MONTH].revenue_by) == {"outcome": to_nanos(Decimal(3))}
    assert dict(found["unheard_of", MONTH].revenue_by) == {"other": to_nanos(Decimal(1))}
    assert (of_f.contribution_margin, of_f.margin_rate) == (to_nanos(Decimal("-1.00")), Decimal("-0.090909090"))
    assert (of_f.top_tenant, of_f.top_tenant_share) == ("t1", Decimal("0.25"))
    assert of_f.top_tenant_contribution_margin == to_nanos(Decimal("8.00"))


def test_waste_stands_by_class_with_the_calls_that_name_no_run() -> None:
    """R23: of an event that was given up, its run and a call without run; of another, nothing."""
    tellings = [
        call(100_000, run_id="r1", tenant_id="t1", feature_id="f"),
        call(50_000, tenant_id="t1", feature_id="f", number=1),
        call(50_000, "e2", tenant_id="t1", feature_id="f"),
    ]
    truth = reckon(facts([charge("2.00", "200000")], tellings, as_of=datetime(2026, 10, 20)))
    assert truth.waste == {(MONTH, "f", "t1", "abandoned_event", True): Waste(1, 2, Decimal("2.00"), Decimal(1))}


# Verdicts -------------------------------------------------------------------------------------------------------------


def verdict(*events: EventCost, feature: str = "f", before: tuple[EventCost, ...] = (), **told: Any) -> Verdict:
    """Of a feature with these events, worth 2.00 a success, that earned 100.00 of many tenants; ``None`` = nobody tells revenue."""
    earned, tenants = told.pop("earned", 100), told.pop("tenants", {"t1": (1, 1), "t2": (1, 1), "t3": (1, 1)})
    by = {"seat": to_nanos(Decimal(earned or 0))}
    line = RevenueLine("seats", "t1", feature, "invoice", MONTH, date(2026, 10, 1), Decimal(earned or 0))
    told_to_all = replace(FINANCE, revenue=[] if earned is None else [line])
    cost, accrued = (to_nanos(Decimal(told.get(name, 0))) for name in ("direct", "accrued"))
    margin = FeatureMargin(by, cost or 3, accrued, tenants)
    units = unit_costs(FINANCE, (*events, *before))
    best_of = {(MONTH, feature): told["best"]} if "best" in told else {}
    return verdicts(told_to_all, units, {(feature, MONTH): margin}, best_of)[feature, MONTH]


AUGUST = {"outcome_at": datetime(2026, 8, 20), "ended_at": datetime(2026, 8, 20)}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (verdict(event("1.00")), "scale"),
        (verdict(event("1.00", "failure")), "investigate"),
        (verdict(event("2.01")), "sunset"),
        (verdict(event("2.01"), best=("cache", 10_000_000)), "optimise"),
        (verdict(event("2.01"), best=("cache", 9_999_999)), "sunset"),
        (verdict(event("1.00"), earned=1, direct="1.01"), "reprice"),
        (verdict(event("1.00"), tenants={"t1": (2, -1), "t2": (1, 5)}), "limit"),
        (verdict(event("1.00"), tenants={"t1": (1, -1), "t2": (1, 5), "t3": (1, 5)}), "scale"),
        (verdict(event("1.00"), tenants={"t1": (2, 1), "t2": (1, -5)}), "scale"),
        (verdict(event("1.00", waste={"failed_attempt": Decimal("0.25")})), "optimise"),
        (verdict(event("1.00", waste={"failed_attempt": Decimal("0.24")})), "scale"),
        (verdict(event("1.20"), before=(event("1.00", **AUGUST),)), "optimise"),
        (verdict(event("1.19"), before=(event("1.00", **AUGUST),)), "scale"),
        (verdict(event("1.00", feature_id="g"), feature="g", earned=None), "investigate"),
        (verdict(event("1.00", feature_id="g"), feature="g"), "scale"),
    ],
)
def test_the_first_rule_that_applies_gives_the_verdict(found: Verdict, expected: str) -> None:
    assert (found.low, found.high, found.verdict) == (expected, expected, expected)


def test_a_verdict_that_does_not_hold_on_both_bounds_is_investigate() -> None:
    """R24: 1.50 a success, and 2.50 with what is pending; or a margin that accruals turn."""
    found = verdict(event("1.50"), event("1.00", "pending"))
    assert (found.low, found.high, found.verdict) == ("scale", "sunset", "investigate")
    found = verdict(event("1.00"), earned=2, direct="1.50", accrued="0.60")
    assert (found.low, found.high, found.verdict) == ("scale", "reprice", "investigate")


def test_what_is_no_feature_or_did_nothing_has_no_verdict() -> None:
    units = unit_costs(FINANCE, [event("1.00", feature_id="(shared)")])
    margins = {("(shared)", MONTH): FeatureMargin(direct_cost=1), ("idle", MONTH): FeatureMargin({"seat": 5})}
    assert verdicts(FINANCE, units, margins, {}) == {}


# Prompt versions ------------------------------------------------------------------------------------------------------


def test_a_prompt_version_is_held_against_the_one_that_was_in_use() -> None:
    def deployed(version: str, day: int, cost: str, **told: Any) -> EventCost:
        return event(cost, started_at=datetime(2026, 9, day), prompt_version=version, **told)

    events = [
        *(deployed("v0", 1, "9.00") for _ in range(5)),
        deployed("v1", 5, "1.00"),
        deployed("v1", 10, "1.00"),
        deployed("v1", 11, "3.00", tenant_id="t2"),
        deployed("v1", 12, "3.00", outcome="failure", tenant_id="t2"),
        *(deployed("v2", 19, "2.00") for _ in range(3)),
        deployed("v2", 20, "6.00", tenant_id="t2"),
        deployed("v1", 21, "50.00"),
    ]
    found = prompt_impacts(FINANCE, events)
    assert set(found) == {("f", "v1"), ("f", "v2")}
    one = found["f", "v2"]
    assert (one.before_version, one.deployed_at) == ("v1", datetime(2026, 9, 19))
    assert (len(one.before.events), len(one.after.events)) == (4, 4)
    assert (one.before.cost_per_event, one.after.cost_per_event) == (Decimal(2), Decimal(3))
    assert one.before.cost_per_success == Decimal("2.666666667")
    assert one.before.success_share == Decimal("0.75")
    assert one.difference == 1
    # The variances of the means are 1.333333 ÷ 4 and 4 ÷ 4: 1 ∓ 1.96 × √1.333333.
    assert one.interval == (Decimal("-1.263213"), Decimal("3.263213"))
    assert one.finding == "too_few"
    # Three of four events after are of the large tenants, whose events cost 1.00 before.
    assert one.mix_adjusted_difference == Decimal("1.50")
    assert one.margin_impact == Decimal("-1.333333333")


def test_a_difference_is_found_where_the_interval_leaves_out_zero() -> None:
    before = [event(cost, prompt_version="v1", started_at=datetime(2026, 9, 1)) for cost in ("1.00", "1.10") * 15]
    for cost, finding in (("2.00", "dearer"), ("0.50", "cheaper"), ("1.05", "no_difference")):
        after = [event(cost, prompt_version="v2", started_at=datetime(2026, 9, 8))] * 30
        assert prompt_impacts(FINANCE, [*before, *after])["f", "v2"].finding == finding
    new = [event("1.00", prompt_version="v2", started_at=datetime(2026, 9, 8), tenant_id="t2")]
    assert prompt_impacts(FINANCE, [*before, *new])["f", "v2"].mix_adjusted_difference is None


# Routes and shorter times ---------------------------------------------------------------------------------------------


def test_a_route_names_each_model_where_it_was_first_tried() -> None:
    """Two attempts with a small and a large model, a third with the small one again, and a worker beside them."""

    def of(run: str, model: str, hour: int) -> Telling:
        at = f"2026-09-28T{hour:02}:00:00"
        return call(100_000, run_id=run, at=at, key=key(model=model), tenant_id=run)

    runs = [
        RunRecord(name, "e1", datetime(2026, 9, 28, hour), datetime(2026, 9, 28, hour, 1), "failure", kind)
        for name, hour, kind in (("r1", 9, "primary"), ("w", 10, "worker"), ("r2", 11, "retry"), ("r3", 12, "retry"))
    ]
    tellings = [of("r1", "small", 9), of("w", "helper", 10), of("r2", "large", 11), of("r3", "small", 12)]
    names = ("small", "helper", "large")
    charges = [
        charge("1.00", "200000" if one == "small" else "100000", key=key(model=one, meter=METER)) for one in names
    ]
    (one,) = reckon(facts(charges, tellings, runs=runs)).event_cost.values()
    assert one.model_route == "small > large"


def test_a_week_begins_on_monday_and_what_is_unobserved_its_month_says() -> None:
    """30 September 2026 is a Wednesday: an event seen on it, and one nobody saw on Thursday, of the next month."""
    seen = event("1.00", outcome_at=datetime(2026, 9, 30, 1))
    unseen = event("0", outcome_at=datetime(2026, 10, 1, 1), seen=False)
    weeks = unit_costs(FINANCE, [seen, unseen], lambda one: one.day - timedelta(days=one.day.weekday()))
    row = weeks[date(2026, 9, 28), "all", "all"]
    assert (len(row.observed), len(row.unobserved), row.cost_per_success) == (2, 0, Decimal("0.50"))
    also_in_october = event("1.00", outcome_at=datetime(2026, 10, 4))
    row = unit_costs(FINANCE, [seen, unseen, also_in_october], lambda one: one.day)[date(2026, 10, 1), "all", "all"]
    assert (len(row.observed), len(row.unobserved)) == (0, 1)
