-- grain: month × feature × tenant × class of waste × production: the waste ledger (R23). Months are those of rpt_unit_costs; what calls
-- without run cost of an event that came to nothing is a row of its event's class
with runs as (

    select
        runs.event_id, runs.run_id, runs.waste_class, runs.waste_cost,
        -- the event's, null too: a run of an event of two tenants is in neither one's cost of events (R26)
        case when events.event_id is null then runs.tenant_id else events.tenant_id end as tenant_id,
        case when events.event_id is null then runs.feature_id else events.feature_id end as feature_id,
        coalesce(events.production, runs.production) as production,
        coalesce(cast(coalesce(events.outcome_at, events.ended_at, runs.ended_at) as date), runs.event_day) as day
    from {{ ref('fct_run_cost') }} as runs
    left join {{ ref('fct_cost_per_outcome') }} as events on runs.event_id = events.event_id
    where runs.waste_class is not null

),

without_run as (

    select
        costs.event_id, cast(null as string) as run_id,
        case when costs.began_at > events.outcome_at then 'after_outcome' when events.outcome = 'abandoned' then 'abandoned_event'
            else 'failed_event' end as waste_class,
        {{ from_nanos('costs.cost_nanos') }} as waste_cost, events.tenant_id, events.feature_id, events.production,
        {{ resolved_day('events') }} as day
    from {{ ref('int_call_costs') }} as costs
    join {{ ref('fct_cost_per_outcome') }} as events on costs.event_id = events.event_id
    where costs.run_id is null and costs.cost_nanos <> 0
        and (costs.began_at > events.outcome_at or events.outcome in ('abandoned', 'failure'))

),

told as (

    select event_id, run_id, waste_class, waste_cost, tenant_id, feature_id, production, {{ month_of('day') }} as month from runs
    union all
    select event_id, run_id, waste_class, waste_cost, tenant_id, feature_id, production, {{ month_of('day') }} from without_run

),

spent as (

    select {{ month_of('day') }} as month, feature_id, tenant_id, production, {{ nanos('sum(event_cost)') }} as cost_nanos
    from {{ ref('fct_outcome_day') }}
    group by 1, 2, 3, 4

),

summed as (

    select month, feature_id, tenant_id, waste_class, production, count(run_id) as runs, count(distinct event_id) as events,
        {{ nanos('sum(waste_cost)') }} as waste_nanos
    from told
    group by month, feature_id, tenant_id, waste_class, production

)

select
    {{ key(['summed.month', 'summed.feature_id', 'summed.tenant_id', 'summed.waste_class', 'summed.production']) }} as waste_id,
    summed.month, summed.feature_id, summed.tenant_id, summed.waste_class, summed.production, summed.runs, summed.events,
    {{ from_nanos('summed.waste_nanos') }} as waste_cost,
    {{ share('summed.waste_nanos', 'spent.cost_nanos') }} as share_of_cost,
    '{{ var("reporting_currency") }}' as currency
from summed
left join spent on summed.month = spent.month and summed.feature_id is not distinct from spent.feature_id
    and summed.tenant_id is not distinct from spent.tenant_id and summed.production = spent.production
