-- what the calls of a day cost is what its cells received: per bill, charge month and whether telemetry exceeds the bill there (R13)
with amounts as (

    select ended_day as charge_day, source, billing_currency, billing_period_start, charge_month, exceeds_ratio,
        sign * amount as cost_nanos, accrued as accrued_nanos
    from {{ ref('int_receipts') }}

    union all

    select charge_day, source, billing_currency, billing_period_start, charge_month, exceeds_ratio, -cost_nanos, -accrued_nanos
    from {{ ref('int_call_costs') }}

)

select charge_day, source, billing_currency, billing_period_start, charge_month, exceeds_ratio, sum(cost_nanos) as nanos_not_carried,
    sum(accrued_nanos) as accrued_nanos_not_carried
from amounts
group by charge_day, source, billing_currency, billing_period_start, charge_month, exceeds_ratio
having sum(cost_nanos) <> 0 or sum(accrued_nanos) <> 0
