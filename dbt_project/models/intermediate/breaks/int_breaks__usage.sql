-- grain: kind × usage key × day: usage nobody billed (R13), and usage without a price (R18). Before its bill is final the accrual covers it (D7)
{% set usage_key = ['source'] + owner_dimensions() + ['model', 'meter'] + price_dimensions() %}
with usage_keys as (

    select
        cells.usage_key_id, {{ listed(usage_key, 'cells.') }}, {{ listed(told_dimensions(), 'cells.') }}, cells.charge_day, cells.expected_price, cells.scale_factor,
        max(keys.reconciliation_id) as reconciliation_id,
        bit_or(cells.assumed) as assumed,
        max(case when rests.component = 'tier' then 1 else 0 end) = 1 as of_another_tier,
        {{ isum('cells.quantity') }} as quantity,
        {{ isum("case when rests.bill_is_final and not rests.paid_in_money and not rests.within_rounding then rests.left_quantity else 0 end") }} as left_quantity
    from {{ ref('int_usage_cells') }} as cells
    join {{ ref('int_usage_rests') }} as rests on cells.usage_cell_id = rests.usage_cell_id
    join {{ ref('int_cell_keys') }} as keys on keys.side = 'usage' and cells.usage_cell_id = keys.cell_id
    group by cells.usage_key_id, {{ listed(usage_key, 'cells.') }}, {{ listed(told_dimensions(), 'cells.') }}, cells.charge_day, cells.expected_price, cells.scale_factor

),

-- an assumed value reads like a told one in the key, so it is said beside it
noted as (

    select
        *,
        {{ named(usage_key) }} as break_key,
        nullif(trim(concat({% for dimension in price_dimensions() %}
            case when told_{{ dimension }} is not null and {{ is_assumed('assumed', dimension) }} then concat('{{ dimension }}=', told_{{ dimension }}, ' ') else '' end{{ ',' if not loop.last }}{% endfor %})), '') as assumed_values
    from usage_keys

),

final as (

    select
        'telemetry_without_charge' as kind, source, charge_day, break_key, {{ from_scaled('left_quantity', 'scale_factor') }} as quantity,
        {{ from_nanos(nano_value('left_quantity', 'scale_factor', 'expected_price')) }} as amount,
        'assumed, not told: ' || assumed_values || case when of_another_tier then '; the bill of the day tells another value, whose money is in no_telemetry' else '' end as note,
        reconciliation_id
    from noted
    where left_quantity > 0

    union all

    select 'unpriced', source, charge_day, break_key, {{ from_scaled('quantity', 'scale_factor') }}, {{ money('null') }}, cast(null as string), reconciliation_id
    from noted
    where expected_price is null

)

select * from final
