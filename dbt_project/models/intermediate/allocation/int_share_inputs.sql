-- grain: day. All that the shares of its calls are made from: the calls, what their cells received, at which prices they are valued
with receipts as (

    select ended_day as charge_day, bit_xor({{ fingerprint(['receipt', 'sign', 'amount', 'accrued', 'exceeds_ratio']) }}) as fingerprint
    from {{ ref('int_receipts') }}
    group by ended_day

),

prices as (

    select ended_day as charge_day, bit_xor({{ fingerprint(['cell', 'list_price', 'expected_price']) }}) as fingerprint
    from {{ ref('int_usage_cells') }}
    group by ended_day

),

final as (

    select days.charge_day, days.calls, {{ fingerprint(['days.fingerprint', 'receipts.fingerprint', 'prices.fingerprint']) }} as fingerprint
    from {{ ref('int_call_inputs') }} as days
    left join receipts on days.charge_day = receipts.charge_day
    left join prices on days.charge_day = prices.charge_day

)

select * from final
