-- differences that somebody must look at; identity is kind, key and day, so a rerun updates and never twins
{% set readable = [] %}
{% for dimension in key_dimensions() %}{% do readable.append("coalesce('" ~ dimension ~ "=' || " ~ dimension ~ " || ' ', '')") %}{% endfor %}
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
        usage_cells.usage_key_id, {{ listed(key_dimensions(), 'usage_cells.') }}, usage_cells.charge_day,
        max(usage_cells.expected_price) as expected_price,
        max(usage_cells.scale_factor) as scale_factor,
        {{ isum('usage_cells.quantity') }} as quantity,
        {{ isum("case when usage_cells.bill_is_final and usage_cells.paid_in_money = 0 then usage_cells.left_quantity else 0 end") }} as left_quantity,
        {{ isum("case when usage_cells.bill_is_final and usage_cells.paid_in_money = 1 then " ~ micro_value('usage_cells.left_quantity', 'usage_cells.scale_factor', 'usage_cells.expected_price') ~ " - usage_cells.money_taken else 0 end") }} as price_rest_micros,
        coalesce(max(rounding_limits.twice_limit), 0) as twice_limit
    from usage_cells
    left join rounding_limits on usage_cells.usage_key_id = rounding_limits.usage_key_id
    group by usage_cells.usage_key_id, {{ listed(key_dimensions(), 'usage_cells.') }}, usage_cells.charge_day

),

found as (

    select
        'telemetry_without_charge' as kind, source, charge_day, {{ readable | join(' || ') }} as break_key, {{ from_scaled('left_quantity', 'scale_factor') }} as quantity,
        {{ from_nanos(nano_value('left_quantity', 'scale_factor', 'expected_price')) }} as amount, '{{ var("reporting_currency") }}' as currency
    from usage_keys
    where left_quantity > 0 and 2 * left_quantity > twice_limit

    union all

    select 'price', source, charge_day, {{ readable | join(' || ') }}, {{ money('null') }}, {{ from_nanos('price_rest_micros * 1000') }}, '{{ var("reporting_currency") }}'
    from usage_keys
    where price_rest_micros > 0

    union all

    select 'unpriced', source, charge_day, {{ readable | join(' || ') }}, {{ from_scaled('quantity', 'scale_factor') }}, {{ money('null') }}, '{{ var("reporting_currency") }}'
    from usage_keys
    where expected_price is null

    union all

    select
        'unmapped', source, cast(charge_period_start as date),
        'source=' || source || ' ' || coalesce('service_name=' || service_name || ' ', '') || coalesce('sku_meter_or_model=' || coalesce(sku_meter, model) || ' ', '') || coalesce('meter=' || meter || ' ', ''),
        {{ money('null') }}, {{ money('sum(effective_cost)') }}, '{{ var("reporting_currency") }}'
    from {{ ref('int_charges') }}
    where destination = 'unmapped'
    group by 1, 2, 3, 4

    union all

    select
        'no_rate', source, billing_period_start, 'source=' || source || ' currency=' || billing_currency || ' ',
        {{ money('null') }}, {{ money('null') }}, '{{ var("reporting_currency") }}'
    from {{ ref('int_charges') }}
    where destination = '(no_rate)'
    group by source, billing_period_start, billing_currency

    union all

    select
        'unknown_environment', source, charge_day, 'source=' || source || ' ' || coalesce('environment=' || environment || ' ', ''),
        {{ money('null') }}, {{ money('null') }}, '{{ var("reporting_currency") }}'
    from {{ ref('int_calls') }}
    where environment_unknown
    group by source, charge_day, environment

    union all

    select
        'source_rejected', source, cast(null as date), 'source=' || source || ' unit=' || unit || ' ',
        {{ money('null') }}, {{ money('null') }}, '{{ var("reporting_currency") }}'
    from {{ ref('stg_lake__rejections') }}

),

final as (

    select
        {{ key(['kind', 'break_key', 'charge_day']) }} as break_id,
        kind, kind as class, source, charge_day, trim(break_key) as break_key, quantity, amount, currency,
        {{ days_between('charge_day', as_of_day()) }} as age_days,
        'open' as state
    from found

)

select * from final
