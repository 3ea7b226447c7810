-- grain: what a usage is priced by × an alternative to it: what the same would cost as a batch, on the cheaper model finance names, of
-- tokens read from a cache, in the standard context band; in millionths of what it costs now, the dearest of those that differ in nothing
-- else here. No row where an alternative has no price
{% set dimensions = price_dimensions() %}
{% set alternatives = {'batch': {'batch': "'true'"}, 'cheaper_route': {'model': 'tiers.cheaper_model'},
    'cache': {'meter': "'cache_read_input_tokens'"}, 'context': {'context_band': "'standard'"}} %}
{% set applies = {'batch': "cells.batch = 'false'", 'cheaper_route': 'tiers.cheaper_model is not null',
    'cache': "cells.meter = 'input_tokens'", 'context': "cells.context_band = 'long'"} %}
{% set asked_by = ['charge_day', 'price_hour', 'source', 'model', 'meter'] + dimensions %}
with cells as (

    select charge_day, price_hour, source, model, meter, {{ listed(dimensions) }}, max(expected_price) as expected_price
    from {{ ref('int_usage_cells') }}
    where expected_price > 0
    group by charge_day, price_hour, source, model, meter, {{ listed(dimensions) }}

),

asked as (
    {% for alternative, instead in alternatives.items() %}
    select
        '{{ alternative }}' as alternative, cells.expected_price, cells.source as own_source, cells.model as own_model,
        cells.meter as own_meter, cells.service_tier as own_service_tier, cells.batch as own_batch, cells.context_band as own_context_band,
        {% for column in asked_by %}{{ instead.get(column, 'cells.' ~ column) }} as {{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from cells
    left join {{ ref('stg_reference__model_tiers') }} as tiers on cells.model = tiers.model
    where {{ applies[alternative] }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

priced as (

    select distinct {{ listed(asked_by) }} from asked

),

{{ prices_of_priced() }},

told as (

    select
        asked.alternative, asked.charge_day, asked.own_source as source, asked.own_model as model, asked.own_meter as meter,
        asked.own_service_tier as service_tier, asked.own_batch as batch, asked.own_context_band as context_band,
        {{ idiv(wide(nanos('final.expected_price')) ~ ' * 1000000', nanos('asked.expected_price')) }} as millionths
    from asked
    join final on {% for column in asked_by %}asked.{{ column }} is not distinct from final.{{ column }}
        {{ 'and ' if not loop.last }}{% endfor %}
    where final.expected_price is not null

)

select
    alternative, charge_day, source, model, meter, service_tier, batch, context_band,
    cast(max(millionths) as int64) as millionths
from told
group by alternative, charge_day, source, model, meter, service_tier, batch, context_band
