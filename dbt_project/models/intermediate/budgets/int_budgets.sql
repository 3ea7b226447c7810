-- grain: budget × month it may hold for: its own, or any; of a scope's two in one month that of the month itself counts. A budget that
-- names no owner has its feature's
select
    budgets.scope, coalesce(budgets.scope_value, 'all') as scope_value, budgets.month,
    {{ nanos('budgets.amount') }} as amount_nanos, budgets.currency,
    {{ nanos('coalesce(budgets.warning_share, ' ~ money("'0.75'") ~ ')') }} as warning_nanos,
    {{ nanos('coalesce(budgets.alert_share, ' ~ money("'0.90'") ~ ')') }} as alert_nanos,
    coalesce(budgets.owner, features.owner, 'finance') as owner
from {{ ref('stg_reference__budgets') }} as budgets
left join {{ ref('stg_reference__features') }} as features on budgets.scope = 'feature' and budgets.scope_value = features.feature_id
