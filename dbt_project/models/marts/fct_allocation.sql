{{ config(materialized='view') }}
-- a view: the shares of schema allocation with everything an analyst asks of them, so that nothing is stored once per call and meter
-- that is known per call or per meter
with events as (

    select event_id, called_tenant_id, called_feature_id from {{ ref('fct_cost_per_outcome') }}

),

calls as (

    select *, {{ digest_of('call_high', 'call_low', 'call_tail') }} as call_id from {{ ref('int_calls') }}

),

call_rows as (

    select
        concat(receipts.receipt_id, '-', calls.call_id) as allocation_id,
        receipts.charge_day, receipts.charge_month, receipts.billing_period_start, receipts.source,
        receipts.usage_cell_id as match_group_id, 'call' as target_kind, calls.call_id, receipts.model, receipts.meter,
        {{ call_destination('calls') }} as destination, calls.event_id, calls.run_id,
        coalesce(calls.tenant_id, events.called_tenant_id) as tenant_id,
        coalesce(calls.feature_id, events.called_feature_id) as feature_id,
        calls.production, receipts.timing, receipts.cache_semantics,
        {{ from_scaled('shares.quantity', 'receipts.scale_factor') }} as quantity,
        receipts.billing_currency, '{{ var("reporting_currency") }}' as currency,
        {{ from_nanos('shares.cost_nanos') }} as reconciled_cost,
        {{ from_nanos('shares.accrued_nanos') }} as accrued_cost,
        calls.inherited
    from {{ ref('int_call_shares') }} as shares
    join {{ ref('int_receipts') }} as receipts on shares.receipt = receipts.receipt and shares.charge_day = receipts.ended_day
    join calls on shares.charge_day = calls.charge_day and shares.call_high = calls.call_high and shares.call_low = calls.call_low
    left join events on calls.event_id = events.event_id

),

final as (

    select * from call_rows
    union all
    select *, cast(null as string) as inherited from {{ ref('int_bucket_shares') }}

)

select * from final
