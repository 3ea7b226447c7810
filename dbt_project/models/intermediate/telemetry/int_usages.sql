-- grain: call × usage cell. Elements of one call that are equal in everything are one usage; only where a call names a meter twice
-- can there be such
with repeated as (

    select fingerprint from {{ ref('int_deliveries__repeated') }} where kind = 'meter'

),

{% for name, join in [('single', 'left join'), ('several', 'join')] %}
{{ name }}_calls as (

    select calls.call_high, calls.call_low, calls.profile, calls.usage
    from {{ ref('int_calls__placed') }} as calls
    {{ join }} repeated on calls.delivery_fingerprint = repeated.fingerprint
    {{ 'where repeated.fingerprint is null' if name == 'single' }}

),

{{ name }} as (

    select
        elements.call_high, elements.call_low, elements.profile, elements.element.meter as meter,
        coalesce(elements.element.modality, {{ dimension_default('modality') }}) as modality,
        coalesce(elements.element.cache_ttl, {{ dimension_default('cache_ttl') | replace('meter =', 'elements.element.meter =') }}) as cache_ttl,
        -- nearly every meter counts whole units, and those need no product
        case when meters.scale_factor > 1 then cast({{ money('elements.element.quantity * meters.scale_factor') }} as int64) else cast(elements.element.quantity as int64) end as quantity
    from {{ exploded(name ~ '_calls', 'call_high, call_low, profile', 'usage', 'element') }} as elements
    left join {{ ref('meters') }} as meters on elements.element.meter = meters.meter

),

{% endfor %}
merged as (

    select call_high, call_low, profile, meter, modality, cache_ttl, {{ isum('quantity') }} as quantity
    from several
    where quantity > 0
    group by call_high, call_low, profile, meter, modality, cache_ttl

),

usages as (

    select * from single where quantity > 0
    union all
    select * from merged

),

final as (

    select *, {{ fingerprint(['profile', 'meter', 'modality', 'cache_ttl']) }} as cell from usages

)

select * from final
