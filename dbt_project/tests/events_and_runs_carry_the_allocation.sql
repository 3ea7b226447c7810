-- every allocated amount with an event or run stands on exactly that event or run
select 'events' as what
from (select coalesce(sum(reconciled_cost + accrued_cost), {{ money("'0'") }}) as cost from {{ ref('fct_cost_per_outcome') }}) as events
cross join (select coalesce(sum(reconciled_cost + accrued_cost), {{ money("'0'") }}) as cost from {{ ref('fct_allocation') }}
    where event_id is not null) as allocated
where events.cost <> allocated.cost

union all

select 'runs'
from (select coalesce(sum(reconciled_cost + accrued_cost), {{ money("'0'") }}) as cost from {{ ref('fct_run_cost') }}) as runs
cross join (select coalesce(sum(reconciled_cost + accrued_cost), {{ money("'0'") }}) as cost from {{ ref('fct_allocation') }}
    where run_id is not null) as allocated
where runs.cost <> allocated.cost
