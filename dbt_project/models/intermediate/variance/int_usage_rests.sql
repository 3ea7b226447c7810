-- grain: usage cell: what of it nothing paid, and why as far as the two sides tell (R13, R14, R19)
{% set without_told = ['source', 'model', 'meter', 'charge_day'] %}
{% set within = '(2 * sum(rests.left_quantity) <= coalesce(max(limits.twice_limit), 0))' %}
with finality as (

    select source, max(finality_days) as finality_days from {{ ref('stg_reference__billing_sources') }} group by source

),

taken as (

    select
        usage_cell_id,
        {{ isum('expected_nanos') }} as paid_expected_nanos,
        {{ isum("case when phase = 'quantity' then usage_taken else 0 end") }} as quantity,
        {{ isum("case when phase = 'money' then usage_taken else 0 end") }} as micros,
        max(case when phase = 'money' then 1 else 0 end) = 1 as paid_in_money,
        max(case when phase = 'money' and stage = 'cache' then 1 else 0 end) = 1 as paid_as_cache
    from {{ ref('int_flow_values') }}
    group by usage_cell_id

),

rests as (

    select
        cells.usage_cell_id, cells.usage_key_id, {{ listed(['source', 'model', 'meter'] + told_dimensions(), 'cells.') }}, cells.charge_day,
        cells.assumed, cells.estimated, cells.expected_price,
        coalesce(taken.quantity, 0) as taken_quantity,
        cells.quantity - coalesce(taken.quantity, 0) as left_quantity,
        coalesce(cells.expected_nanos, 0) - coalesce(taken.paid_expected_nanos, 0) as left_nanos,
        coalesce(taken.paid_in_money, false) as paid_in_money, coalesce(taken.paid_as_cache, false) as paid_as_cache,
        case when taken.paid_in_money
            then {{ micro_value('cells.quantity - taken.quantity', 'cells.scale_factor', 'cells.expected_price') }} - taken.micros
        end as unpaid_micros,
        {{ days_between('cells.charge_day', as_of_day()) }} >= 1 + coalesce(finality.finality_days, 0) as bill_is_final
    from {{ ref('int_usage_cells') }} as cells
    left join taken on cells.usage_cell_id = taken.usage_cell_id
    left join finality on cells.source = finality.source

),

-- R10: what a usage key and day has left is no difference within half the published unit of the lines that paid it
limits as (

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
        rests.usage_key_id, {{ within }} as within_rounding,
        -- what is no break exceeds nothing (R13)
        not {{ within }}
            and {{ wide('sum(case when rests.bill_is_final then rests.left_quantity else 0 end)') }} * 1000000
                > {{ wide('sum(rests.taken_quantity)') }} * {{ var('excess_ratio_millionths') }} as exceeds_ratio
    from rests
    left join limits on rests.usage_key_id = limits.usage_key_id
    where not rests.paid_in_money
    group by rests.usage_key_id

),

-- R8: the bill of the same day tells another value of what was only assumed of the usage, and nothing claims its money
of_another_tier as (

    select distinct rests.usage_cell_id
    from rests
    join {{ ref('int_bill_cells') }} as bill_cells
        on {% for dimension in without_told %}rests.{{ dimension }} = bill_cells.{{ dimension }}{{ ' and ' if not loop.last }}{% endfor %}
    join {{ ref('int_bill_cell_rests') }} as unclaimed on bill_cells.bill_cell_id = unclaimed.bill_cell_id
        and unclaimed.destination = 'no_telemetry'
    where rests.left_quantity > 0 and rests.assumed > 0
        and ({% for dimension in price_dimensions() %}rests.told_{{ dimension }} is distinct
            from bill_cells.told_{{ dimension }}{{ ' or ' if not loop.last }}{% endfor %})
        {% for dimension in price_dimensions() %}and (rests.told_{{ dimension }} is not distinct from bill_cells.told_{{ dimension }}
            or {{ is_assumed('rests.assumed', dimension) }})
        {% endfor %}

),

final as (

    select
        rests.usage_cell_id, rests.usage_key_id, rests.taken_quantity, rests.left_quantity, rests.left_nanos, rests.unpaid_micros,
        rests.paid_in_money, rests.paid_as_cache, rests.bill_is_final,
        coalesce(usage_keys.within_rounding, false) as within_rounding, coalesce(usage_keys.exceeds_ratio, false) as exceeds_ratio,
        case
            when rests.paid_in_money or rests.expected_price is null then null
            when rests.left_quantity = 0 then 'rounding'
            when not rests.bill_is_final then 'timing'
            when usage_keys.within_rounding then 'rounding'
            when rests.estimated then 'aborted_stream'
            when of_another_tier.usage_cell_id is not null then 'tier'
            else 'quantity'
        end as component
    from rests
    left join usage_keys on rests.usage_key_id = usage_keys.usage_key_id
    left join of_another_tier on rests.usage_cell_id = of_another_tier.usage_cell_id

)

select * from final
