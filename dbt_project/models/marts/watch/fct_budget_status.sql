-- grain: budget × month
select
    {{ key(['budgets.scope', 'budgets.scope_value', 'budgets.month']) }} as budget_status_id,
    budgets.scope, budgets.scope_value, budgets.month,
    {{ from_nanos('budgets.amount_nanos') }} as amount,
    {{ from_nanos('budgets.warning_nanos') }} as warning_share, {{ from_nanos('budgets.alert_nanos') }} as alert_share,
    {{ from_nanos('budgets.spent_nanos') }} as spent, {{ from_nanos('budgets.accrued_nanos') }} as accrued,
    {{ from_nanos('budgets.forecast_nanos') }} as forecast, budgets.days_left, budgets.history_days,
    {{ share('budgets.spent_nanos', 'budgets.amount_nanos') }} as share_spent,
    case
        when budgets.spent_nanos is null then null
        {%- for state, reached in budget_states().items() %}
        when {{ reached_of_budget('budgets.spent_nanos', reached, 'budgets') }} then '{{ state }}'
        {%- endfor %}
        else 'ok'
    end as state,
    case
        when budgets.spent_nanos is null then null
        {%- for state, reached in budget_states().items() %}
        when {{ reached_of_budget('budgets.spent_nanos', reached, 'budgets') }} then budgets.{{ state }}_since
        {%- endfor %}
        else budgets.month
    end as state_since,
    budgets.owner, budgets.currency
from {{ ref('int_budget_states') }} as budgets
