-- per source, billing period and currency the allocation sums to the effective cost of the charges
with charged as (

    select source, billing_period_start, billing_currency, sum(effective_cost) as cost
    from {{ ref('int_charges') }}
    where destination <> '(no_rate)'
    group by source, billing_period_start, billing_currency

),

allocated as (

    select source, billing_period_start, billing_currency, sum(reconciled_cost) as cost
    from {{ ref('fct_allocation') }}
    group by source, billing_period_start, billing_currency

)

select *
from charged
full outer join allocated
    on charged.source = allocated.source and charged.billing_period_start = allocated.billing_period_start
        and charged.billing_currency = allocated.billing_currency
where coalesce(charged.cost, {{ money("'0'") }}) <> coalesce(allocated.cost, {{ money("'0'") }})
