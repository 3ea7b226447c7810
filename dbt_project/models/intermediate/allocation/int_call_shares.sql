{{ config(alias='call_shares', materialized='view') }}
-- grain: usage of a call × receipt of its cell: what the usage received, and what is accrued on it (R17, last step). A view: the marks a
-- call carries and the price a receipt carries give it without a window, but for usages in no slot
with used as (

    select * from {{ in_slots(['charge_day', 'profile', 'call_high', 'call_low', 'call_tail', 'context', 'told_again']) }} as told

),

final as (

    select
        used.charge_day, receipts.receipt, used.call_high, used.call_low, used.call_tail, used.context, used.quantity,
        {{ received('used', 'receipts') }}
    from used
    join {{ ref('int_receipts') }} as receipts
        on used.charge_day = receipts.ended_day and used.profile = receipts.profile and used.slot = receipts.slot

    union all

    select charge_day, receipt, call_high, call_low, call_tail, context, quantity, cost_nanos, accrued_nanos
    from {{ ref('int_call_shares__others') }}

)

select * from final
