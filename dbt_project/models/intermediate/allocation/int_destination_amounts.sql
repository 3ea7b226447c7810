-- grain: bill × charge month × destination: the allocation, whomever it is for
with amounts as (

    select source, billing_currency, billing_period_start, charge_month, {{ call_destination('costs') }} as destination, cost_nanos
    from {{ ref('int_call_costs') }} as costs

    union all

    select source, billing_currency, billing_period_start, charge_month, destination, {{ nanos('reconciled_cost') }}
    from {{ ref('int_bucket_shares') }}

),

final as (

    select source, billing_currency, billing_period_start, charge_month, destination,
        {{ from_nanos(isum('cost_nanos')) }} as reconciled_cost
    from amounts
    group by source, billing_currency, billing_period_start, charge_month, destination

)

select * from final
