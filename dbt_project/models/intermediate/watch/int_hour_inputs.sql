-- grain: day. All that its hourly sums are made from: the calls and their list prices
with prices as (

    select ended_day as charge_day, bit_xor({{ fingerprint(['cell', 'list_price']) }}) as fingerprint
    from {{ ref('int_usage_cells') }}
    group by ended_day

),

final as (

    select days.charge_day, days.calls, {{ fingerprint(['days.fingerprint', 'prices.fingerprint']) }} as fingerprint
    from {{ ref('int_call_inputs') }} as days
    left join prices on days.charge_day = prices.charge_day

)

select * from final
