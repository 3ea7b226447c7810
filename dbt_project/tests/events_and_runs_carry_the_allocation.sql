-- all that calls with an event or run cost stands on exactly the events, their months, and the runs (R21, R22)
with costs as (

    select event_id is not null as of_event, run_id is not null as of_run, {{ from_nanos('sum(cost_nanos)') }} as reconciled_cost,
        {{ from_nanos('sum(accrued_nanos)') }} as accrued_cost
    from {{ ref('int_call_costs') }}
    group by event_id is not null, run_id is not null

),

amounts as (

    select 'events' as what, sum(reconciled_cost) as reconciled_cost, sum(accrued_cost) as accrued_cost
    from {{ ref('fct_cost_per_outcome') }}
    union all
    select 'months of events', sum(reconciled_cost), sum(accrued_cost) from {{ ref('fct_event_cost_month') }}
    union all
    select 'runs', sum(reconciled_cost), sum(accrued_cost) from {{ ref('fct_run_cost') }}
    union all
    select 'events', -reconciled_cost, -accrued_cost from costs where of_event
    union all
    select 'months of events', -reconciled_cost, -accrued_cost from costs where of_event
    union all
    select 'runs', -reconciled_cost, -accrued_cost from costs where of_run

)

select what, sum(reconciled_cost) as difference, sum(accrued_cost) as accrued_difference
from amounts
group by what
having sum(reconciled_cost) <> 0 or sum(accrued_cost) <> 0
