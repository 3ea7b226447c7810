-- grain: budget × state that its month's estimated cost has reached: one signal for each, from the hour it was reached in to the one in
-- which the next was, so that a transition is told once. Of months that are watched from their first day
with budgets as (

    select * from {{ ref('int_budgets') }} where currency = '{{ var("reporting_currency") }}'

),

hours as (

    select
        costs.hour_index, {{ month_of(day_of_hour('costs.hour_index')) }} as month, costs.tenant_id, costs.feature_id, tenants.segment,
        costs.production, {{ isum('costs.list_nanos') }} as nanos
    from {{ ref('int_cost_hours') }} as costs
    left join {{ ref('stg_reference__tenants') }} as tenants on costs.tenant_id = tenants.tenant_id
    where costs.list_nanos is not null and costs.hour_index < {{ hour_index("cast('" ~ as_of() ~ "' as timestamp)") }}
    group by 1, 2, 3, 4, 5, 6

),

scoped as (
    {% for scope, column in budget_scopes().items() %}
    select '{{ scope }}' as scope, {{ column }} as scope_value, month, hour_index, {{ isum('nanos') }} as nanos
    from hours
    where month >= cast('{{ watched_from() }}' as date) {{ 'and production and ' ~ column ~ ' is not null' if scope != 'all' }}
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

spent as (

    select *, {{ running('nanos', 'scope, scope_value, month', 'hour_index') }} as spent_nanos from scoped

),

in_force as (

    {{ budgets_in_force('budgets', '(select distinct month from spent)') }}

),

reached as (

    select
        budgets.scope, budgets.scope_value, budgets.month, budgets.amount_nanos, budgets.warning_nanos, budgets.alert_nanos, budgets.owner,
        max(spent.hour_index) as last_hour, max(spent.spent_nanos) as spent_nanos
        {%- for state, share in budget_states().items() %},
        min(case when {{ reached_of_budget('spent.spent_nanos', share, 'budgets') }} then spent.hour_index end) as {{ state }}_hour,
        min(case when {{ reached_of_budget('spent.spent_nanos', share, 'budgets') }} then spent.spent_nanos end) as {{ state }}_spent
        {%- endfor %}
    from in_force as budgets
    join spent on budgets.scope = spent.scope and budgets.scope_value = spent.scope_value and budgets.month = spent.month
    group by 1, 2, 3, 4, 5, 6, 7

),

{% set states = budget_states().keys() | list -%}
steps as (
    {% for state, share in budget_states().items() %}{% set higher = states[loop.index0 - 1] ~ '_hour' if not loop.first %}
    select
        scope, scope_value, month, amount_nanos, owner, '{{ state }}' as step, {{ state }}_hour as hour_index, {{ state }}_spent as nanos,
        {{ share or '1000000000' }} as threshold_nanos,
        {{ 'coalesce(' ~ higher ~ ', last_hour)' if higher else 'last_hour' }} as last_hour_index
    from reached
    where {{ state }}_hour is not null{{ ' and coalesce(' ~ higher ~ ' > ' ~ state ~ '_hour, true)' if higher }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        'budget_state' as kind, scope, scope_value, step || ' ' || {{ text('month') }} as step, hour_index, last_hour_index,
        hour_index + 1 - {{ first_hour('month') }} as hours,
        cast({{ idiv(wide('nanos') ~ ' * 1000000000', wide('amount_nanos')) }} as int64) as measured_nanos,
        {{ idiv('(hour_index + 1 - ' ~ first_hour('month') ~ ') * 1000000000',
            first_hour(month_of(add_days('month', 31))) ~ ' - ' ~ first_hour('month')) }} as expected_nanos,
        threshold_nanos, nanos as excess, nanos as cost_nanos,
        case when scope = 'feature' then scope_value end as feature_id, case when scope = 'tenant' then scope_value end as tenant_id,
        cast(null as string) as prompt_version, case when scope = 'segment' then scope_value end as segment,
        'of the budget of ' || {{ decimals('amount_nanos', 2) }} || ' {{ var("reporting_currency") }}: ' || step as about,
        owner as ruled_owner
    from steps

)

select * from final
