"""What features did, cost and earned, and what to do about each."""

from __future__ import annotations

from reconcilers.reports import decisions
from reconcilers.reports.pack.questions.question import COVERAGE, Column, Question, count, money, share

FEATURES = Question(
    "features",
    "Features",
    "Features",
    "Cost per success is all cost of resolved production events, failed ones included, per success (R24); value per success is what "
    "finance declares. Revenue and direct cost are of the month of use (R26, R27).",
    """
with units as (
    select slice_value as feature_id, events, successes, pending, event_cost, cost_per_success, all_in_cost_per_success, waste_cost
    from finance.rpt_unit_costs
    where slice = 'feature' and month = :month
),
earned as (
    select feature_id, sum(revenue) as revenue, sum(direct_cost) as direct_cost, sum(accrued_cost) as accrued_cost,
        sum(contribution_margin) as contribution_margin, min(share_attributed) as share_attributed, min(share_reconciled) as share_reconciled,
        max(status) as status
    from finance.fct_tenant_margin
    where month = :month
    group by feature_id
)
select coalesce(features.name, features.feature_id) as feature, features.owner, units.events, units.successes, units.pending,
    units.cost_per_success, units.all_in_cost_per_success, features.value_per_outcome as value_per_success, units.event_cost,
    units.waste_cost, earned.revenue, earned.direct_cost, earned.accrued_cost, earned.contribution_margin, earned.share_attributed,
    earned.share_reconciled, earned.status
from finance.dim_features as features
left join units on features.feature_id = units.feature_id
left join earned on features.feature_id = earned.feature_id
where units.feature_id is not null or earned.revenue <> 0 or earned.direct_cost <> 0 or (features.declared and earned.feature_id is not null)
order by earned.contribution_margin nulls last, features.feature_id
""",
    (
        Column("feature"),
        Column("owner"),
        count("events"),
        count("successes"),
        count("pending", on_page=False),
        Column("cost_per_success", "unit"),
        Column("all_in_cost_per_success", "unit", on_page=False),
        money("value_per_success", summed=False),
        money("event_cost", on_page=False),
        money("waste_cost"),
        Column(
            "waste_share",
            "share",
            made=("waste_cost", "event_cost"),
            formula="{waste_cost}/{event_cost}",
            on_page=False,
        ),
        money("revenue"),
        money("direct_cost"),
        money("accrued_cost", on_page=False),
        money("contribution_margin", "{revenue}-{direct_cost}"),
        share("margin_rate", ("contribution_margin", "revenue")),
        *COVERAGE,
    ),
    "no feature did or earned anything in the month",
    last="total",
    least="contribution_margin",
    chart="features",
)

VERDICTS = Question(
    "verdicts",
    "What to do about each feature",
    "Verdicts",
    "One verdict for each feature, where it holds on both bounds of cost per success; else `investigate` (R24). The lever is the one that "
    "does most of what the verdict asks for.",
    decisions.VERDICTS.replace("?", ":month"),
    (
        Column("feature"),
        Column("verdict"),
        Column("reason"),
        Column("lever"),
        money("saving", summed=False),
        Column("owner"),
        Column("cost_per_success_low", "unit"),
        Column("cost_per_success_high", "unit"),
        money("value_per_success", summed=False),
        share("trend"),
        Column("verdict_low", on_page=False),
        Column("verdict_high", on_page=False),
        Column("rule", on_page=False),
        Column("measured", "unit", on_page=False),
        Column("threshold", "unit", on_page=False),
        Column("status"),
    ),
    "no feature had a production event or cost in the month",
)

SAVINGS = Question(
    "savings",
    "What each lever would have saved",
    "Savings",
    "Estimates from the month's own calls. Levers on the same calls overlap, so they are not summed.",
    decisions.SAVINGS.replace("?", ":month"),
    (
        Column("feature"),
        Column("lever"),
        money("saving", summed=False),
        money("basis_cost", summed=False),
        count("calls", summed=False),
        Column("explanation"),
    ),
    "no lever would have saved anything in the month",
    chart="savings",
)

ROUTES = Question(
    "routes",
    "Model routes on the same workflow",
    "Model routes",
    "Compared per success and not per call: a cheaper model that fails more is not cheaper. `above_cheapest` is how much more a success "
    "cost than on the cheapest route of its workflow with 30 successes.",
    decisions.ROUTES.replace("?", ":month"),
    (
        Column("workflow"),
        Column("model_route"),
        count("events"),
        count("successes"),
        money("event_cost"),
        Column("cost_per_event", "unit"),
        Column("cost_per_success", "unit"),
        Column("cost_per_success_low", "unit", on_page=False),
        Column("cost_per_success_high", "unit", on_page=False),
        share("failure_share"),
        Column("above_cheapest", "unit"),
    ),
    "no production event with calls in the month",
    last="total",
)

BOUNDS = Question(
    "bounds",
    "Both bounds of cost per success",
    "Bounds",
    "Where outcomes are still pending or costs accrued, cost per success lies between these two; a verdict must hold on both (R24). "
    "The share of spend in the dearest hundredth of events says how much an average hides.",
    """
select slice_value, events, successes, pending_share, cost_per_success_low, cost_per_success, cost_per_success_high,
    cost_per_successful_event, attempts_per_success, top_1_percent_share, p50_cost, p95_cost, p99_cost, active_users, cost_per_active_user
from finance.rpt_unit_costs
where slice = 'all' and month = :month
""",
    (
        count("events", summed=False),
        count("successes", summed=False),
        share("pending_share"),
        Column("cost_per_success_low", "unit"),
        Column("cost_per_success", "unit"),
        Column("cost_per_success_high", "unit"),
        Column("cost_per_successful_event", "unit"),
        Column("attempts_per_success", "unit"),
        share("top_1_percent_share"),
        Column("p50_cost", "unit"),
        Column("p95_cost", "unit"),
        Column("p99_cost", "unit"),
        count("active_users", summed=False),
        Column("cost_per_active_user", "unit"),
    ),
    "no production event was resolved in the month",
)

MATURITY = Question(
    "maturity",
    "How cost per success moved as outcomes arrived",
    "Maturity",
    "Cost per success counting only outcomes told at most so many days after an event ended. It is settled where every event of the month "
    "has had 30 days (R24).",
    """
select coalesce(features.name, maturity.feature_id) as feature, max(maturity.events) as events,
    max(case when maturity.days_after = 30 then maturity.pending end) as pending_after_30_days,
    max(case when maturity.days_after = 0 then maturity.cost_per_success end) as after_0_days,
    max(case when maturity.days_after = 1 then maturity.cost_per_success end) as after_1_days,
    max(case when maturity.days_after = 3 then maturity.cost_per_success end) as after_3_days,
    max(case when maturity.days_after = 7 then maturity.cost_per_success end) as after_7_days,
    max(case when maturity.days_after = 14 then maturity.cost_per_success end) as after_14_days,
    max(case when maturity.days_after = 30 then maturity.cost_per_success end) as after_30_days,
    max(case when maturity.days_after = 30 and maturity.settled then 1 else 0 end) = 1 as settled
from finance.rpt_outcome_maturity as maturity
left join finance.dim_features as features on maturity.feature_id = features.feature_id
where maturity.month = :month
group by coalesce(features.name, maturity.feature_id), maturity.feature_id
order by maturity.feature_id
""",
    (
        Column("feature"),
        count("events", summed=False),
        *(Column(f"after_{days}_days", "unit") for days in (0, 1, 3, 7, 14, 30)),
        count("pending_after_30_days", summed=False),
        Column("settled"),
    ),
    "no production event was resolved in the month",
)

REVERSALS = Question(
    "reversals",
    "Outcomes that were said otherwise before",
    "Reversals",
    "An outcome told again is an adjustment as of now, and never rewrites what a month said (R24).",
    """
select coalesce(features.name, reversals.feature_id) as feature, reversals.first_outcome, reversals.outcome, count(*) as events,
    sum(reversals.reconciled_cost) as reconciled_cost
from finance.rpt_outcome_reversals as reversals
left join finance.dim_features as features on reversals.feature_id = features.feature_id
where reversals.production and reversals.month = :month
group by coalesce(features.name, reversals.feature_id), reversals.feature_id, reversals.first_outcome, reversals.outcome
order by count(*) desc, reversals.feature_id, reversals.first_outcome, reversals.outcome
""",
    (Column("feature"), Column("first_outcome"), Column("outcome"), count("events"), money("reconciled_cost")),
    "no outcome of the month was told otherwise before",
    last="total",
)
