{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_share_inputs'}) }}
-- depends_on: {{ ref('int_share_inputs') }} grain: day × event, run and whom their calls name × environment × model × bill and charge
-- month × whether
-- telemetry of what was paid exceeds the bill beyond the policy ratio (R13): what the calls received. Calls of an event without run stand
-- by when they began, since each may be waste (R23)
with costs as (

    select
        shares.call_high, shares.call_low, receipts.source, receipts.billing_currency, receipts.billing_period_start, receipts.charge_month,
        receipts.exceeds_ratio,
        {{ isum('shares.cost_nanos') }} as cost_nanos, {{ isum('shares.accrued_nanos') }} as accrued_nanos
    from {{ ref('int_call_shares') }} as shares
    join {{ ref('int_receipts') }} as receipts on shares.receipt = receipts.receipt
    where {{ of_days('shares.charge_day') }} and {{ of_days('receipts.ended_day') }}
    group by shares.call_high, shares.call_low, receipts.source, receipts.billing_currency, receipts.billing_period_start,
        receipts.charge_month, receipts.exceeds_ratio

),

final as (

    select
        calls.charge_day, calls.event_id, calls.run_id, calls.tenant_id, calls.feature_id, calls.environment, calls.production, calls.model,
        costs.source, costs.billing_currency, costs.billing_period_start, costs.charge_month, costs.exceeds_ratio,
        case when calls.run_id is null and calls.event_id is not null then coalesce(calls.started_at, calls.ended_at) end as began_at,
        {{ isum('costs.cost_nanos') }} as cost_nanos, {{ isum('costs.accrued_nanos') }} as accrued_nanos
    from costs
    join {{ ref('int_calls') }} as calls on costs.call_high = calls.call_high and costs.call_low = calls.call_low
        and {{ of_days('calls.charge_day') }}
    group by
        calls.charge_day, calls.event_id, calls.run_id, calls.tenant_id, calls.feature_id, calls.environment, calls.production, calls.model,
        costs.source, costs.billing_currency, costs.billing_period_start, costs.charge_month, costs.exceeds_ratio,
        case when calls.run_id is null and calls.event_id is not null then coalesce(calls.started_at, calls.ended_at) end

)

select * from final
