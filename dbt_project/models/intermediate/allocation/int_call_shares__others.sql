{{ config(materialized='ephemeral') }}
-- grain: usage of a call in no slot × receipt of its cell: what the usage received, and what is accrued on it (R17, last step)
-- the two halves of a digest sort as the digest, so this is the order of call_id
with usages as (

    select charge_day, cell, call_high, call_low, call_tail, context, quantity,
        {{ running('quantity', 'charge_day, cell', 'call_high, call_low') }} as high, told_again
    from {{ ref('int_usages') }}

),

final as (

    select
        usages.charge_day, receipts.receipt, receipts.source, receipts.model, receipts.billing_currency, receipts.billing_period_start,
        receipts.charge_month, receipts.exceeds_ratio, usages.call_high, usages.call_low, usages.call_tail, usages.context, usages.quantity,
        {{ received('usages', 'receipts') }}
    from usages
    join {{ ref('int_receipts') }} as receipts on usages.charge_day = receipts.ended_day and usages.cell = receipts.cell

)

select * from final
