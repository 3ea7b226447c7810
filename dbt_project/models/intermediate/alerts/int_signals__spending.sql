-- grain: budget × month × state that what is billed has reached, from its day to the one the next was reached on, so that a transition is
-- told once; the same state of another month is another transition, however soon
{% set states = budget_states().keys() | list %}
with budgets as (

    select *, least({{ add_days(month_of(add_days('month', 31)), -1) }}, {{ as_of_day() }}) as last_day from {{ ref('int_budget_states') }}

)
{% for state, share in budget_states().items() %}{% set higher = states[loop.index0 - 1] ~ '_since' if not loop.first %}
select
    'budget_state' as kind, scope, scope_value, '{{ state }} ' || {{ text('month') }} as step,
    {{ first_hour(state ~ '_since') }} as hour_index,
    {{ first_hour('coalesce(' ~ higher ~ ', last_day)' if higher else 'last_day') }} as last_hour_index,
    {{ first_hour(state ~ '_since') }} + 24 - {{ first_hour('month') }} as hours,
    cast({{ idiv(wide(state ~ '_spent') ~ ' * 1000000000', wide('amount_nanos')) }} as int64) as measured_nanos,
    cast({{ idiv(wide('forecast_nanos') ~ ' * 1000000000', wide('amount_nanos')) }} as int64) as expected_nanos,
    {{ share or '1000000000' }} as threshold_nanos, {{ state }}_spent as excess, {{ state }}_spent as cost_nanos,
    case when scope = 'feature' then scope_value end as feature_id, case when scope = 'tenant' then scope_value end as tenant_id,
    cast(null as string) as prompt_version, case when scope = 'segment' then scope_value end as segment, cast(null as string) as source,
    'of the budget of ' || {{ decimals('amount_nanos', 2) }} || ' {{ var("reporting_currency") }} is billed: {{ state }}' as about,
    owner as ruled_owner
from budgets
where {{ state }}_since is not null{{ ' and coalesce(' ~ higher ~ ' > ' ~ state ~ '_since, true)' if higher }}
{{ 'union all' if not loop.last }}
{%- endfor %}
