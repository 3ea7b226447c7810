{{ config(materialized='view') }}
-- a view: the shares of schema allocation with everything an analyst asks of them, so that nothing is stored once per call and meter
-- that is known per call or per meter
with events as (

    select event_id, called_tenant_id, called_feature_id from {{ ref('fct_cost_per_outcome') }}

),

call_rows as (

    select
        concat(receipts.receipt_id, '-', {{ digest_of('shares.call_high', 'shares.call_low', 'shares.call_tail') }}) as allocation_id,
        receipts.charge_day, shares.charge_day as ended_day, receipts.charge_month, receipts.billing_period_start, receipts.source,
        receipts.usage_cell_id as match_group_id, 'call' as target_kind,
        {{ digest_of('shares.call_high', 'shares.call_low', 'shares.call_tail') }} as call_id, receipts.model, receipts.meter,
        {{ call_destination('contexts') }} as destination, contexts.event_id, contexts.run_id,
        coalesce(contexts.tenant_id, events.called_tenant_id) as tenant_id,
        coalesce(contexts.feature_id, events.called_feature_id) as feature_id,
        contexts.production, receipts.timing, receipts.cache_semantics,
        {{ from_scaled('shares.quantity', 'receipts.scale_factor') }} as quantity,
        receipts.billing_currency, '{{ var("reporting_currency") }}' as currency,
        {{ from_nanos('shares.cost_nanos') }} as reconciled_cost,
        {{ from_nanos('shares.accrued_nanos') }} as accrued_cost,
        contexts.inherited
    from {{ ref('int_call_shares') }} as shares
    join {{ ref('int_receipts') }} as receipts on shares.receipt = receipts.receipt and shares.charge_day = receipts.ended_day
    join {{ ref('int_call_contexts') }} as contexts on shares.charge_day = contexts.charge_day and shares.context = contexts.context
    left join events on contexts.event_id = events.event_id

),

final as (

    select * from call_rows
    union all
    select *, cast(null as string) as inherited from {{ ref('int_bucket_shares') }}

)

select * from final
