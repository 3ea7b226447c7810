{{ config(alias='call_shares', materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_share_inputs'}) }}
-- depends_on: {{ ref('int_share_inputs') }}
-- grain: usage of a call × receipt of its cell: what the usage received, and what is accrued on it (R17, last step)
with receipts as (

    select * from {{ ref('int_receipts') }} where {{ of_days('ended_day') }}

),

-- the two halves of a digest sort as the digest, so this is the order of call_id; a usage with the rank of the one before is told again
usages as (

    select charge_day, cell, call_high, call_low, quantity, {{ running('quantity', 'cell', 'call_high, call_low') }} as high,
        row_number() over (partition by cell order by call_high, call_low)
            > rank() over (partition by cell order by call_high, call_low) as told_again
    from {{ ref('int_usages') }}
    where {{ of_days('charge_day') }}

),

final as (

    select
        usages.charge_day, receipts.receipt, usages.call_high, usages.call_low, usages.quantity,
        -- a call has one share of a receipt: what would be a second is no amount, and its receipt then fails receipts_are_shared_out
        case when not usages.told_again
            then receipts.sign * {{ carved('usages.high - usages.quantity', 'usages.high', 'receipts.amount', 'p') }} end as cost_nanos,
        case when receipts.accrued = 0 then 0
            else {{ carved('usages.high - usages.quantity', 'usages.high', 'receipts.accrued', 'a') }} end as accrued_nanos
    from usages
    join receipts on usages.cell = receipts.cell

)

select * from final
