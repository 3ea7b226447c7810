"""What pack and dashboard both ask of a month to decide by: one SQL each, ``?`` for the month's first day."""

from __future__ import annotations

#: Those that ask for something stand first, then whatever saves most.
VERDICTS = """
select verdicts.feature_id, features.name, verdicts.verdict, verdicts.rule, verdicts.measured, verdicts.threshold, verdicts.lever,
    verdicts.saving, verdicts.owner, verdicts.value_per_outcome as value_per_success, verdicts.cost_per_success,
    verdicts.cost_per_success_low, verdicts.cost_per_success_high, verdicts.contribution_margin, verdicts.margin_rate, verdicts.trend,
    verdicts.waste_share, verdicts.top_tenant_id, verdicts.top_tenant_share, verdicts.verdict_low, verdicts.verdict_high, verdicts.status,
    verdicts.currency
from finance.fct_feature_verdicts as verdicts
left join finance.dim_features as features on verdicts.feature_id = features.feature_id
where verdicts.month = ?
order by case when verdicts.verdict = 'scale' then 1 else 0 end, verdicts.saving desc nulls last, verdicts.feature_id
"""
SAVINGS = """
select savings.feature_id, features.name, savings.lever, savings.saving, savings.basis_cost, savings.calls, savings.explanation,
    savings.currency
from finance.fct_savings as savings
left join finance.dim_features as features on savings.feature_id = features.feature_id
where savings.month = ? and savings.saving > 0
order by savings.saving desc, savings.feature_id, savings.lever
"""
ROUTES = """
select workflow, model_route, events, successes, event_cost, cost_per_event, cost_per_success, cost_per_success_low, cost_per_success_high,
    failure_share, above_cheapest, currency
from finance.rpt_model_comparison
where month = ?
order by workflow, cost_per_success nulls last, model_route
"""
BUDGETS = """
select scope, scope_value, owner, amount, spent, accrued, forecast, share_spent, state, state_since, currency
from finance.fct_budget_status
where month = ?
order by share_spent desc nulls last, scope, scope_value
"""
