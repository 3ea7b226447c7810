-- per source, billing period and currency what calls received and buckets hold sums to the effective cost of the charges (R5), and what is
-- accrued of a month to its accruals (R25)
with amounts as (

    select source, billing_period_start, billing_currency, effective_cost, {{ money("'0'") }} as accrued_cost
    from {{ ref('int_charges') }}
    where destination <> '(no_rate)'

    union all

    select source, {{ month_of('charge_day') }}, '{{ var("reporting_currency") }}', {{ money("'0'") }}, {{ from_nanos('accrued_nanos') }}
    from {{ ref('int_accruals') }}

    union all

    select source, billing_period_start, billing_currency, -{{ from_nanos('sign * amount') }}, -{{ from_nanos('accrued') }}
    from {{ ref('int_receipts') }}

    union all

    select source, billing_period_start, billing_currency, -reconciled_cost, -accrued_cost
    from {{ ref('int_bucket_shares') }}

)

select source, billing_period_start, billing_currency, sum(effective_cost) as cost_not_carried, sum(accrued_cost) as accrual_not_carried
from amounts
group by source, billing_period_start, billing_currency
having sum(effective_cost) <> 0 or sum(accrued_cost) <> 0
