-- grain: kind × usage key × day: usage nobody billed (R13), and usage without a price (R18). Before its bill is final the accrual covers it
-- (D7)
{% set usage_key = ['source'] + owner_dimensions() + ['model', 'meter'] + price_dimensions() %}
-- one key can have many prices, by the hour of its calls; what is left is valued at each, and rounded once for all of them
{% set value_of_left = wide('usages.left_quantity') ~ ' * ' ~ nanos('usages.expected_price') %}
with usages as (

    select
        cells.usage_key_id, {{ listed(usage_key, 'cells.') }}, {{ listed(told_dimensions(), 'cells.') }}, cells.charge_day,
        cells.scale_factor, cells.expected_price, cells.assumed, cells.quantity,
        case when rests.bill_is_final and not rests.paid_in_money and not rests.within_rounding then rests.left_quantity
            else 0 end as left_quantity,
        rests.component = 'tier' as of_another_tier,
        keys.reconciliation_id
    from {{ ref('int_usage_cells') }} as cells
    join {{ ref('int_usage_rests') }} as rests on cells.usage_cell_id = rests.usage_cell_id
    join {{ ref('int_cell_keys') }} as keys on keys.side = 'usage' and cells.usage_cell_id = keys.cell_id

),

usage_keys as (

    select
        usages.usage_key_id, {{ listed(usage_key, 'usages.') }}, {{ listed(told_dimensions(), 'usages.') }}, usages.charge_day,
        usages.scale_factor,
        max(usages.reconciliation_id) as reconciliation_id,
        bit_or(usages.assumed) as assumed,
        max(case when usages.of_another_tier then 1 else 0 end) = 1 as of_another_tier,
        {{ isum('usages.left_quantity') }} as left_quantity,
        -- unknown where a part of it has no price
        case
            when count(case when usages.left_quantity > 0 and usages.expected_price is null then 1 end) = 0
                then cast({{ idiv('sum(' ~ value_of_left ~ ') + 500000 * usages.scale_factor',
                    '1000000 * usages.scale_factor') }} as int64)
        end as left_nanos,
        {{ isum("case when usages.expected_price is null then usages.quantity end") }} as unpriced_quantity
    from usages
    group by usages.usage_key_id, {{ listed(usage_key, 'usages.') }}, {{ listed(told_dimensions(), 'usages.') }}, usages.charge_day,
        usages.scale_factor

),

-- an assumed value reads like a told one in the key, so it is said beside it
noted as (

    select
        *,
        {{ named(usage_key) }} as break_key,
        nullif(trim(concat({% for dimension in price_dimensions() %}
            case when told_{{ dimension }} is not null and {{ is_assumed('assumed', dimension) }}
                then concat('{{ dimension }}=', told_{{ dimension }}, ' ') else '' end{{ ',' if not loop.last }}{% endfor %})),
                '') as assumed_values
    from usage_keys

),

final as (

    select
        'telemetry_without_charge' as kind, source, charge_day, break_key, {{ from_scaled('left_quantity', 'scale_factor') }} as quantity,
        {{ from_nanos('left_nanos') }} as amount,
        'assumed, not told: ' || assumed_values || case when of_another_tier
            then '; the bill of the day tells another value, whose money is in no_telemetry' else '' end as note,
        reconciliation_id
    from noted
    where left_quantity > 0

    union all

    select 'unpriced', source, charge_day, break_key, {{ from_scaled('unpriced_quantity', 'scale_factor') }}, {{ money('null') }},
        cast(null as string), reconciliation_id
    from noted
    where unpriced_quantity is not null

)

select * from final
