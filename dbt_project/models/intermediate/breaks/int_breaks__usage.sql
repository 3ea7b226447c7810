-- grain: kind × usage key × day: usage nobody billed (R13), money for usage at another price (R14), usage without a price (R18)
{% set usage_key = ['source'] + owner_dimensions() + ['model', 'meter'] + price_dimensions() %}
with finality as (

    select source, max(finality_days) as finality_days from {{ ref('stg_reference__billing_sources') }} group by source

),

taken as (

    select
        usage_cell_id,
        {{ isum("case when phase = 'quantity' then usage_taken else 0 end") }} as quantity_taken,
        {{ isum("case when phase = 'money' then usage_taken else 0 end") }} as money_taken,
        max(case when phase = 'money' then 1 else 0 end) as paid_in_money
    from {{ ref('int_matches') }}
    group by usage_cell_id

),

usage_cells as (

    select
        cells.*,
        cells.quantity - coalesce(taken.quantity_taken, 0) as left_quantity,
        coalesce(taken.money_taken, 0) as money_taken,
        coalesce(taken.paid_in_money, 0) as paid_in_money,
        {{ days_between('cells.charge_day', as_of_day()) }} >= 1 + coalesce(finality.finality_days, 0) as bill_is_final
    from {{ ref('int_usage_cells') }} as cells
    left join taken on cells.usage_cell_id = taken.usage_cell_id
    left join finality on cells.source = finality.source

),

-- R10: a leftover within half the published unit of the lines that paid is no break
rounding_limits as (

    select usage_key_id, {{ isum('twice_rounding_limit') }} as twice_limit
    from (
        select distinct cells.usage_key_id, bill_cells.bill_cell_id, bill_cells.twice_rounding_limit
        from {{ ref('int_matches') }} as matches
        join {{ ref('int_usage_cells') }} as cells on matches.usage_cell_id = cells.usage_cell_id
        join {{ ref('int_bill_cells') }} as bill_cells on matches.bill_cell_id = bill_cells.bill_cell_id
        where matches.phase = 'quantity' and matches.quantity > 0
    ) as givers
    group by usage_key_id

),

usage_keys as (

    select
        usage_cells.usage_key_id, {{ listed(usage_key, 'usage_cells.') }}, usage_cells.charge_day,
        max(usage_cells.expected_price) as expected_price,
        max(usage_cells.scale_factor) as scale_factor,
        {{ isum('usage_cells.quantity') }} as quantity,
        {{ isum("case when usage_cells.bill_is_final and usage_cells.paid_in_money = 0 then usage_cells.left_quantity else 0 end") }} as left_quantity,
        {{ isum("case when usage_cells.bill_is_final and usage_cells.paid_in_money = 1 then " ~ micro_value('usage_cells.left_quantity', 'usage_cells.scale_factor', 'usage_cells.expected_price') ~ " - usage_cells.money_taken else 0 end") }} as price_rest_micros,
        coalesce(max(rounding_limits.twice_limit), 0) as twice_limit
    from usage_cells
    left join rounding_limits on usage_cells.usage_key_id = rounding_limits.usage_key_id
    group by usage_cells.usage_key_id, {{ listed(usage_key, 'usage_cells.') }}, usage_cells.charge_day

),

final as (

    select
        'telemetry_without_charge' as kind, source, charge_day, {{ named(usage_key) }} as break_key, {{ from_scaled('left_quantity', 'scale_factor') }} as quantity,
        {{ from_nanos(nano_value('left_quantity', 'scale_factor', 'expected_price')) }} as amount, cast(null as string) as note
    from usage_keys
    where left_quantity > 0 and 2 * left_quantity > twice_limit

    union all

    select 'price', source, charge_day, {{ named(usage_key) }}, {{ money('null') }}, {{ from_nanos('price_rest_micros * 1000') }}, cast(null as string)
    from usage_keys
    where price_rest_micros > 0

    union all

    select 'unpriced', source, charge_day, {{ named(usage_key) }}, {{ from_scaled('quantity', 'scale_factor') }}, {{ money('null') }}, cast(null as string)
    from usage_keys
    where expected_price is null

)

select * from final
