"""What changed what events cost: prompt versions, waste; and what it was held against: budgets and alerts."""

from __future__ import annotations

from reconcilers.reports import decisions
from reconcilers.reports.pack.questions.question import Column, Question, count, money

DEPLOYS = Question(
    "prompt_impact",
    "What each new prompt version did",
    "Prompt impact",
    "Versions first seen in the month or the one before it: the difference is of cost per event, with its 95 % interval, and the same with "
    "the mix of tenant segments held still. `too_few` says that the sample is too small to tell.",
    """
select coalesce(features.name, impact.feature_id) as feature, impact.before_version, impact.prompt_version,
    cast(impact.deployed_at as date) as deployed, impact.events_before, impact.events_after, impact.cost_per_event_before,
    impact.cost_per_event_after, impact.cost_per_success_before, impact.cost_per_success_after, impact.success_share_before,
    impact.success_share_after, impact.difference, impact.difference_low, impact.difference_high, impact.mix_adjusted_difference,
    impact.excess_cost, impact.margin_impact, impact.finding
from finance.fct_prompt_version_impact as impact
left join finance.dim_features as features on impact.feature_id = features.feature_id
where cast(impact.deployed_at as date) >= :before and cast(impact.deployed_at as date) < :next
order by impact.margin_impact nulls last, impact.feature_id, impact.prompt_version
""",
    (
        Column("feature"),
        Column("before_version"),
        Column("prompt_version"),
        Column("deployed", "day"),
        Column("events_before", "count", on_page=False),
        Column("events_after", "count"),
        Column("cost_per_event_before", "unit", on_page=False),
        Column("cost_per_event_after", "unit", on_page=False),
        Column("cost_per_success_before", "unit"),
        Column("cost_per_success_after", "unit"),
        Column("success_share_before", "share", on_page=False),
        Column("success_share_after", "share", on_page=False),
        Column("difference", "unit"),
        Column("difference_low", "unit"),
        Column("difference_high", "unit"),
        Column("mix_adjusted_difference", "unit"),
        money("excess_cost", summed=False, on_page=False),
        money("margin_impact", summed=False),
        Column("finding"),
    ),
    "no prompt version was first seen in the month or the one before it",
)

VERSIONS = Question(
    "prompt_versions",
    "Prompt versions in the month",
    "Prompt versions",
    "By feature, since features name their versions each for itself: resolved production events of which a call was seen (R24).",
    """
select coalesce(features.name, events.feature_id) as feature, events.prompt_version, count(*) as events,
    sum(case when events.outcome = 'success' then 1 else 0 end) as successes,
    sum(case when events.outcome in ('success', 'failure', 'partial') then events.reconciled_cost else 0 end) as resolved_cost
from finance.fct_cost_per_outcome as events
left join finance.dim_features as features on events.feature_id = features.feature_id
where events.production and events.calls > 0 and events.prompt_version is not null
    and cast(coalesce(events.outcome_at, events.ended_at) as date) >= :month
    and cast(coalesce(events.outcome_at, events.ended_at) as date) < :next
group by coalesce(features.name, events.feature_id), events.feature_id, events.prompt_version
order by feature, events.feature_id, events.prompt_version
""",
    (
        Column("feature"),
        Column("prompt_version"),
        count("events"),
        count("successes"),
        money("resolved_cost"),
        Column("cost_per_success", "unit", made=("resolved_cost", "successes"), formula="{resolved_cost}/{successes}"),
    ),
    "no event of the month names a prompt version",
    last="total",
)

WASTE = Question(
    "waste",
    "Waste, by class and feature",
    "Waste",
    "Production cost that bought no outcome: each cent has at most one class (R23). It sums to the waste of the first page.",
    """
select waste.waste_class, coalesce(features.name, waste.feature_id) as feature, sum(waste.runs) as runs, sum(waste.waste_cost) as waste_cost
from finance.rpt_waste as waste
left join finance.dim_features as features on waste.feature_id = features.feature_id
where waste.month = :month and waste.production
group by waste.waste_class, coalesce(features.name, waste.feature_id), waste.feature_id
order by sum(waste.waste_cost) desc, waste.waste_class, waste.feature_id
""",
    (Column("waste_class"), Column("feature"), count("runs"), money("waste_cost")),
    "no production cost of the month was waste",
    last="total",
    chart="waste",
)

BUDGETS = Question(
    "budgets",
    "Budgets",
    "Budgets",
    "Spent so far, accrued, and a forecast to the end of the month from the median of each weekday.",
    decisions.BUDGETS.replace("?", ":month"),
    (
        Column("scope"),
        Column("scope_value"),
        Column("owner"),
        money("amount", summed=False),
        money("spent", summed=False),
        money("accrued", summed=False),
        money("left", "{amount}-{spent}", summed=False),
        money("forecast", summed=False),
        Column("share_spent", "share", made=("spent", "amount"), formula="{spent}/{amount}"),
        Column("state"),
        Column("state_since", "day"),
    ),
    "no budget is declared for the month (`budgets.csv`)",
    chart="budgets",
)

ALERTS = Question(
    "alerts",
    "Alerts",
    "Alerts",
    "Raised from the bill, open at some time in the month.",
    """
select severity, kind, scope, scope_value, cast(opened_at as date) as opened, cast(last_seen_at as date) as last_seen, state, message,
    driver_feature_id, driver_tenant_id, driver_prompt_version, estimated_cost, owner, checklist
from finance.fct_alerts
where cast(opened_at as date) < :next and cast(last_seen_at as date) >= :month
order by case when state = 'open' then 0 else 1 end, severity, opened_at, alert_id
""",
    (
        Column("severity"),
        Column("kind"),
        Column("scope_value", on_page=False),
        Column("opened", "day"),
        Column("last_seen", "day"),
        Column("state"),
        Column("message"),
        Column("driver_feature_id"),
        Column("driver_tenant_id"),
        Column("driver_prompt_version", on_page=False),
        money("estimated_cost", summed=False),
        Column("owner"),
        Column("checklist", on_page=False),
    ),
    "no alert was open in the month",
)
