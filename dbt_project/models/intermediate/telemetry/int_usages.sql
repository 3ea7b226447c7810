with elements as (

    select
        calls.call_id, calls.charge_day, calls.source,
        {{ listed(owner_dimensions(), 'calls.') }}, calls.model, element.meter as meter,
        calls.service_tier, calls.batch, calls.context_band, calls.geography, calls.region, calls.speed,
        element.modality as modality, element.cache_ttl as cache_ttl,
        calls.estimated, calls.midnight, calls.sampling_probability_millionths,
        element.quantity
    from {{ ref('int_calls') }} as calls
    {{ unnested('calls.usage', 'element') }}

),

told as (

    select
        elements.call_id, elements.charge_day, elements.source, {{ listed(owner_dimensions(), 'elements.') }}, elements.model, elements.meter{% for dimension in price_dimensions() %},
        coalesce(elements.{{ dimension }}, {{ dimension_default(dimension) | replace('meter =', 'elements.meter =') }}) as {{ dimension }}{% endfor %},
        elements.estimated, elements.midnight, elements.sampling_probability_millionths,
        cast({{ money('elements.quantity * coalesce(meters.scale_factor, 1)') }} as int64) as quantity
    from elements
    left join {{ ref('meters') }} as meters on elements.meter = meters.meter

),

-- rounded once per usage: elements of one call that are equal in everything are one usage
final as (

    select
        call_id, charge_day, {{ listed(key_dimensions()) }}, estimated, midnight, sampling_probability_millionths,
        {{ key(key_dimensions() + ['charge_day', 'estimated', 'midnight', 'sampling_probability_millionths']) }} as usage_cell_id,
        {{ isum('quantity') }} as quantity
    from told
    where quantity > 0
    group by call_id, charge_day, {{ listed(key_dimensions()) }}, estimated, midnight, sampling_probability_millionths

)

select * from final
