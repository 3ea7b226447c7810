{{ config(alias='receipts') }}
-- grain: usage cell × currency, billing period and charge month of the bill: what the cell received and what is accrued on it,
-- with all that the shares of its calls have in common, so that nothing is joined or hashed twice per call
with amounts as (

    select usage_cell_id, billing_currency, billing_period_start, charge_month, timing, cache_semantics, cost_nanos,
        cast(0 as int64) as accrued_nanos
    from {{ ref('int_cell_receipts') }}

    union all

    select shares.usage_cell_id, '{{ var("reporting_currency") }}', {{ month_of('accruals.charge_day') }},
        {{ month_of('accruals.charge_day') }}, false, false, 0, shares.accrued_nanos
    from {{ ref('int_accrual_shares') }} as shares
    join {{ ref('int_accruals') }} as accruals on shares.accrual_id = accruals.accrual_id

),

receipts as (

    select
        usage_cell_id, billing_currency, billing_period_start, charge_month, max(case when timing then 1 else 0 end) = 1 as timing,
        max(case when cache_semantics then 1 else 0 end) = 1 as cache_semantics,
        {{ isum('cost_nanos') }} as cost_nanos, {{ isum('accrued_nanos') }} as accrued_nanos
    from amounts
    group by usage_cell_id, billing_currency, billing_period_start, charge_month

),

final as (

    select
        {{ fingerprint(['receipts.usage_cell_id', 'receipts.billing_currency', 'receipts.billing_period_start', 'receipts.charge_month']) }}
            as receipt,
        {{ key(["'call'", 'receipts.usage_cell_id', 'receipts.billing_currency', 'receipts.billing_period_start',
            'receipts.charge_month']) }} as receipt_id,
        cells.cell, cells.profile, cells.slot,
        receipts.usage_cell_id, cells.charge_day, cells.ended_day, cells.source, cells.model, cells.meter, cells.scale_factor,
        receipts.billing_currency, receipts.billing_period_start, receipts.charge_month, receipts.timing, receipts.cache_semantics,
        rests.exceeds_ratio,
        abs(receipts.cost_nanos) as amount, {{ sign_of('receipts.cost_nanos') }} as sign, receipts.accrued_nanos as accrued,
        {{ unit_price('abs(receipts.cost_nanos)', 'cells.quantity', 'p') }},
        {{ unit_price('receipts.accrued_nanos', 'cells.quantity', 'a') }}
    from receipts
    join {{ ref('int_usage_cells') }} as cells on receipts.usage_cell_id = cells.usage_cell_id
    join {{ ref('int_usage_rests') }} as rests on receipts.usage_cell_id = rests.usage_cell_id

)

select * from final
