-- production rows of the event months are the waterfall's event rows plus the event part of other_period_usage (R21)
with event_months as (

    select coalesce(sum(reconciled_cost), {{ money("'0'") }}) as cost from {{ ref('fct_event_cost_month') }} where production

),

waterfall as (

    select coalesce(sum(cost), {{ money("'0'") }}) as cost from {{ ref('rpt_invoice_waterfall') }} where destination = 'event'

)

select event_months.cost as event_months, waterfall.cost as waterfall
from event_months
cross join waterfall
where event_months.cost <> waterfall.cost
