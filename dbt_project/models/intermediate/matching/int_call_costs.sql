-- grain: call × charge month: what all usages of a call received, for whom
with costs as (

    select
        shares.call_high, shares.call_low, receipts.charge_month,
        {{ isum('shares.cost_nanos') }} as cost_nanos, {{ isum('shares.accrued_nanos') }} as accrued_nanos
    from {{ ref('int_call_shares') }} as shares
    join {{ ref('int_receipts') }} as receipts on shares.receipt = receipts.receipt
    group by shares.call_high, shares.call_low, receipts.charge_month

),

final as (

    select calls.event_id, calls.run_id, calls.model, calls.production, costs.charge_month, costs.cost_nanos, costs.accrued_nanos
    from costs
    join {{ ref('int_calls') }} as calls on costs.call_high = calls.call_high and costs.call_low = calls.call_low

)

select * from final
