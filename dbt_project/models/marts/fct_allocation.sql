-- a call's row is named by half the digest of its receipt and half the digest of its call, so that nothing is hashed per row
with receipts as (

    select * from {{ ref('int_receipts') }}

),

calls as (

    select
        calls.call_high, calls.call_low, calls.call_id, calls.event_id, calls.run_id, calls.production,
        case when not calls.production then 'non_production' when calls.event_id is null then 'untagged' else 'event' end as destination,
        coalesce(calls.tenant_id, events.tenant_id) as tenant_id,
        coalesce(calls.feature_id, events.feature_id) as feature_id
    from {{ ref('int_calls') }} as calls
    left join {{ ref('int_events') }} as events on calls.event_id = events.event_id

),

call_rows as (

    select
        concat(receipts.receipt_id, substr(calls.call_id, 1, 16)) as allocation_id,
        receipts.charge_day, receipts.charge_month, receipts.billing_period_start, receipts.source,
        receipts.usage_cell_id as match_group_id, 'call' as target_kind, calls.call_id, receipts.model, receipts.meter,
        calls.destination, calls.event_id, calls.run_id, calls.tenant_id, calls.feature_id,
        calls.production, receipts.timing, {{ from_scaled('shares.quantity', 'receipts.scale_factor') }} as quantity,
        receipts.billing_currency, '{{ var("reporting_currency") }}' as currency,
        {{ from_nanos('shares.cost_nanos') }} as reconciled_cost,
        {{ from_nanos('shares.accrued_nanos') }} as accrued_cost
    from {{ ref('int_call_shares') }} as shares
    join receipts on shares.receipt = receipts.receipt
    join calls on shares.call_high = calls.call_high and shares.call_low = calls.call_low

),

bucket_rows as (

    select
        {{ key(["'bucket'", 'bill_cell_id', 'charge_id', 'destination', 'billing_currency', 'billing_period_start', 'charge_month']) }} as allocation_id,
        charge_day, charge_month, billing_period_start, source,
        coalesce(bill_cell_id, charge_id) as match_group_id, 'bucket' as target_kind, cast(null as string) as call_id,
        cast(null as string) as model, cast(null as string) as meter, destination,
        cast(null as string) as event_id, cast(null as string) as run_id, cast(null as string) as tenant_id, cast(null as string) as feature_id,
        cast(null as boolean) as production, false as timing, quantity, billing_currency, '{{ var("reporting_currency") }}' as currency,
        {{ from_nanos('cost_nanos') }} as reconciled_cost,
        {{ money("'0'") }} as accrued_cost
    from {{ ref('int_bucket_amounts') }}

),

-- an accrual beyond what calls can expect stays with the bucket that will receive it
accrual_rows as (

    select
        {{ key(["'accrual'", 'accruals.accrual_id']) }} as allocation_id,
        accruals.charge_day, {{ month_of('accruals.charge_day') }} as charge_month, {{ month_of('accruals.charge_day') }} as billing_period_start, accruals.source,
        accruals.accrual_id as match_group_id, 'bucket' as target_kind, cast(null as string) as call_id,
        accruals.model, accruals.meter, 'no_telemetry' as destination,
        cast(null as string) as event_id, cast(null as string) as run_id, cast(null as string) as tenant_id, cast(null as string) as feature_id,
        cast(null as boolean) as production, false as timing, {{ money('null') }} as quantity, '{{ var("reporting_currency") }}' as billing_currency, '{{ var("reporting_currency") }}' as currency,
        {{ money("'0'") }} as reconciled_cost,
        {{ from_nanos('accruals.accrued_nanos - coalesce(shares.accrued_nanos, 0)') }} as accrued_cost
    from {{ ref('int_accruals') }} as accruals
    left join (select accrual_id, {{ isum('accrued_nanos') }} as accrued_nanos from {{ ref('int_accrual_shares') }} group by accrual_id) as shares
        on accruals.accrual_id = shares.accrual_id
    where accruals.accrued_nanos <> coalesce(shares.accrued_nanos, 0)

),

final as (

    select * from call_rows
    union all
    select * from bucket_rows
    union all
    select * from accrual_rows

)

select * from final
