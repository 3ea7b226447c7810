{# key order (R8), by each day the cell can stand on #}
{% set ties = ordered(['contract_price', 'estimated', 'other_day_flag', 'sampling_probability_millionths', 'cache_blind', 'charge_day',
    'other_day', 'price_hour']) %}
with cells as (

    select * from {{ ref('int_usage_cells__dated') }}

),

priced as (

    select
        cells.*,
        {{ depth() }} as depth,
        coalesce(meters.scale_factor, 1) as scale_factor,
        prices.contract_price, prices.contract_price_version, prices.list_price, prices.list_price_version, prices.expected_price
    from cells
    left join {{ ref('meters') }} as meters on cells.meter = meters.meter
    left join {{ ref('int_usage_prices') }} as prices
        on cells.charge_day = prices.charge_day and cells.source = prices.source
        and cells.model is not distinct from prices.model and cells.meter = prices.meter
        and cells.price_hour is not distinct from prices.price_hour
        {% for dimension in price_dimensions() %}and cells.{{ dimension }} = prices.{{ dimension }} {% endfor %}

),

-- what the bill does not tell is ignored when matching and still prices the usage (R8)
told as (

    select
        priced.*,
        -- a project the bill places in no account is met whatever account its usage tells
        case when priced.sub_account_id is null or accounts.billing_account_id is not null
            then priced.billing_account_id end as account_of_project{% for dimension in price_dimensions() %},
        case when grain.tells_{{ dimension }} then priced.{{ dimension }} end as told_{{ dimension }}{% endfor %}
    from priced
    left join {{ ref('int_source_grain') }} as grain on priced.source = grain.source
    left join {{ ref('int_project_accounts') }} as accounts on priced.source = accounts.source
        and priced.sub_account_id = accounts.sub_account_id

),

final as (

    select
        *,
        {{ key(key_dimensions() + ['charge_day']) }} as usage_key_id,
        {{ nano_value('quantity', 'scale_factor', 'expected_price') }} as expected_nanos,
        {{ nano_value('quantity', 'scale_factor', 'list_price') }} as list_nanos,
        row_number() over (order by {{ ordered(key_dimensions()) }}, charge_day, {{ ties }}) as cell_order,
        row_number() over (order by {{ ordered(key_dimensions()) }}, other_day nulls last, {{ ties }}) as other_order,
        row_number() over (order by {{ ordered(key_dimensions()) }}, second_other_day nulls last, {{ ties }}) as second_order
    from told

)

select * from final
