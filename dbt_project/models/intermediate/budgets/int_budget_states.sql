-- grain: budget × month, in whole numbers. What is spent of it, and what the month will have cost at its end: billed, accrued, and for
-- each day after the last one known the median of its weekday's days of the four weeks before (of all of them where there is none)
{% set fallback_days, weeks = 7, 4 %}
with budgets as (

    select * from {{ ref('int_budgets') }}

),

spend as (

    select * from {{ ref('int_spend_days') }}

),

-- a month that nothing was billed for is not known; a budget of one that is named stands all the same
months as (

    select charge_month as month, true as is_billed from spend where scope = 'all' group by charge_month
    union all
    select month, false from budgets where month is not null and month not in (select charge_month from spend) group by month

),

in_force as (

    {{ budgets_in_force('budgets', 'months', 'months.is_billed') }}

),

-- a day is known when anything of it is billed or accrued, of whomever; on a quiet day nothing is usual
known_days as (

    select charge_day, {{ weekday('charge_day') }} as weekday
    from spend
    where scope = 'all' and charge_day is not null and (cost_nanos <> 0 or accrued_nanos <> 0)
    group by charge_day

),

last_day as (

    select max(charge_day) as last_day from known_days

),

scopes as (

    select distinct scope, scope_value from in_force

),

history as (

    select scopes.scope, scopes.scope_value, days.weekday,
        coalesce(spend.cost_nanos + spend.accrued_nanos, 0) as nanos
    from known_days as days
    cross join last_day
    cross join scopes
    left join (
        select scope, scope_value, charge_day, {{ isum('cost_nanos') }} as cost_nanos, {{ isum('accrued_nanos') }} as accrued_nanos
        from spend
        group by scope, scope_value, charge_day
    ) as spend on scopes.scope = spend.scope and scopes.scope_value = spend.scope_value and days.charge_day = spend.charge_day
    where days.charge_day > {{ add_days('last_day.last_day', -7 * weeks) }}
        and {{ is_usual_day('days.charge_day', 'scopes.scope_value') }}

),

ranked as (

    select
        *,
        row_number() over (partition by scope, scope_value, weekday order by nanos) as weekday_rank,
        count(*) over (partition by scope, scope_value, weekday) as weekday_days,
        row_number() over (partition by scope, scope_value order by nanos) as rank,
        count(*) over (partition by scope, scope_value) as days
    from history

),

usual as (

    select scope, scope_value, weekday, {{ median_of('nanos', 'weekday_rank', 'weekday_days') }} as nanos
    from ranked
    group by scope, scope_value, weekday

),

usual_of_any as (

    select scope, scope_value, {{ median_of('nanos', 'rank', 'days') }} as nanos, count(*) as days
    from ranked
    group by scope, scope_value

),

days_left as (

    select months.month, {{ weekday('cast(day as date)') }} as weekday, count(*) as days
    from months
    cross join last_day
    {{ days_of('greatest(months.month, ' ~ add_days('last_day.last_day', 1) ~ ')', month_of(add_days('months.month', 31)), 'day') }}
    where {{ month_of(add_days('months.month', 31)) }} > {{ add_days('last_day.last_day', 1) }}
    group by 1, 2

),

expected as (

    select
        budgets.scope, budgets.scope_value, budgets.month, {{ isum('days_left.days') }} as days_left,
        {{ isum('days_left.days * coalesce(usual.nanos, usual_of_any.nanos)') }} as nanos
    from in_force as budgets
    join days_left on budgets.month = days_left.month
    left join usual_of_any on budgets.scope = usual_of_any.scope and budgets.scope_value = usual_of_any.scope_value
    left join usual on budgets.scope = usual.scope and budgets.scope_value = usual.scope_value and days_left.weekday = usual.weekday
    group by 1, 2, 3

),

-- what had been spent by the end of each day; what has no day stands on the month's first
daily as (

    select
        budgets.scope, budgets.scope_value, budgets.month, coalesce(spend.charge_day, spend.charge_month) as day,
        {{ isum('spend.cost_nanos') }} as cost_nanos, {{ isum('spend.accrued_nanos') }} as accrued_nanos
    from in_force as budgets
    join spend on budgets.scope = spend.scope and budgets.scope_value = spend.scope_value and budgets.month = spend.charge_month
    where budgets.currency = '{{ var("reporting_currency") }}'
    group by 1, 2, 3, 4

),

running as (

    select *, {{ running('cost_nanos', 'scope, scope_value, month', 'day') }} as spent_nanos from daily

),

-- of a month that is known, a scope of which nothing is billed has spent nothing
spent as (

    select
        budgets.scope, budgets.scope_value, budgets.month,
        case when min(known.month) is not null then coalesce({{ isum('running.cost_nanos') }}, 0) end as spent_nanos,
        case when min(known.month) is not null then coalesce({{ isum('running.accrued_nanos') }}, 0) end as accrued_nanos
        {%- for state, reached in budget_states().items() %},
        min(case when {{ reached_of_budget('running.spent_nanos', reached, 'budgets') }} then running.day end) as {{ state }}_since,
        min(case when {{ reached_of_budget('running.spent_nanos', reached, 'budgets') }} then running.spent_nanos end) as {{ state }}_spent
        {%- endfor %}
    from in_force as budgets
    left join (select distinct charge_month as month from spend) as known
        on budgets.month = known.month and budgets.currency = '{{ var("reporting_currency") }}'
    left join running
        on budgets.scope = running.scope and budgets.scope_value = running.scope_value and budgets.month = running.month
    group by 1, 2, 3

),

final as (

    select
        budgets.scope, budgets.scope_value, budgets.month, budgets.amount_nanos, budgets.warning_nanos, budgets.alert_nanos,
        spent.spent_nanos, spent.accrued_nanos,
        case
            when expected.days_left is null then spent.spent_nanos + spent.accrued_nanos
            when usual_of_any.days >= {{ fallback_days }} then spent.spent_nanos + spent.accrued_nanos + expected.nanos
        end as forecast_nanos,
        coalesce(expected.days_left, 0) as days_left, coalesce(usual_of_any.days, 0) as history_days,
        {% for state in budget_states() %}spent.{{ state }}_since, spent.{{ state }}_spent, {% endfor %}
        budgets.owner, budgets.currency
    from in_force as budgets
    join spent on budgets.scope = spent.scope and budgets.scope_value = spent.scope_value and budgets.month = spent.month
    left join expected
        on budgets.scope = expected.scope and budgets.scope_value = expected.scope_value and budgets.month = expected.month
    left join usual_of_any on budgets.scope = usual_of_any.scope and budgets.scope_value = usual_of_any.scope_value

)

select * from final
