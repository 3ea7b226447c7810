{{ config(alias='bucket_shares') }}
-- grain: amount in a named bucket, without a call
with bucket_rows as (

    select
        {{ key(["'bucket'", 'bill_cell_id', 'charge_id', 'destination', 'billing_currency', 'billing_period_start', 'charge_month']) }}
            as allocation_id,
        charge_day, cast(null as date) as ended_day, charge_month, billing_period_start, source,
        coalesce(bill_cell_id, charge_id) as match_group_id, 'bucket' as target_kind, cast(null as string) as call_id,
        cast(null as string) as model, cast(null as string) as meter, destination,
        cast(null as string) as event_id, cast(null as string) as run_id, cast(null as string) as tenant_id,
        cast(null as string) as feature_id,
        cast(null as boolean) as production, false as timing, false as cache_semantics, quantity, billing_currency,
        '{{ var("reporting_currency") }}' as currency,
        {{ from_nanos('cost_nanos') }} as reconciled_cost,
        {{ money("'0'") }} as accrued_cost
    from {{ ref('int_bucket_amounts') }}

),

-- an accrual beyond what calls can expect stays with the bucket that will receive it
accrual_rows as (

    select
        {{ key(["'accrual'", 'accruals.accrual_id']) }} as allocation_id,
        accruals.charge_day, cast(null as date) as ended_day, {{ month_of('accruals.charge_day') }} as charge_month,
        {{ month_of('accruals.charge_day') }} as billing_period_start, accruals.source,
        accruals.accrual_id as match_group_id, 'bucket' as target_kind, cast(null as string) as call_id,
        accruals.model, accruals.meter, 'no_telemetry' as destination,
        cast(null as string) as event_id, cast(null as string) as run_id, cast(null as string) as tenant_id,
        cast(null as string) as feature_id,
        cast(null as boolean) as production, false as timing, false as cache_semantics, {{ money('null') }} as quantity,
        '{{ var("reporting_currency") }}' as billing_currency, '{{ var("reporting_currency") }}' as currency,
        {{ money("'0'") }} as reconciled_cost,
        {{ from_nanos('accruals.accrued_nanos - coalesce(shares.accrued_nanos, 0)') }} as accrued_cost
    from {{ ref('int_accruals') }} as accruals
    left join (select accrual_id, {{ isum('accrued_nanos') }} as accrued_nanos from {{ ref('int_accrual_shares') }}
        group by accrual_id) as shares
        on accruals.accrual_id = shares.accrual_id
    where accruals.accrued_nanos <> coalesce(shares.accrued_nanos, 0)

),

final as (

    select * from bucket_rows
    union all
    select * from accrual_rows

)

select * from final
