-- margins of all rows sum exactly to revenue − cost, all but out_of_scope (R26)
with margins as (

    select coalesce(sum(coalesce(loaded_margin, -direct_cost - shared_cost)), {{ money("'0'") }}) as margin
        from {{ ref('fct_tenant_margin') }}

),

revenue as (

    select coalesce({{ isum('revenue_nanos') }}, 0) as nanos from {{ ref('int_revenue_months') }}

),

cost as (

    select coalesce(sum(cost), {{ money("'0'") }}) as cost
    from {{ ref('rpt_invoice_waterfall') }}
    where section = 'destination' and destination <> 'out_of_scope'

)

select margins.margin
from margins
cross join revenue
cross join cost
where margins.margin <> {{ from_nanos('revenue.nanos') }} - cost.cost
