{{ config(materialized='by_day', day='charge_day', made_from='int_call_inputs', require_partition_filter=true) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: call × usage cell. Elements of one call that are equal in everything are one usage; only where a call names a meter twice
-- can there be such
with calls as (

    select charge_day, call_high, call_low, profile, usage, {{ may_repeat_meter('usage') }} as several from {{ ref('int_calls') }} where {{ of_days('charge_day') }}

),

elements as (

    select
        told.charge_day, told.call_high, told.call_low, told.profile, told.several, told.element.meter as meter,
        coalesce(told.element.modality, {{ dimension_default('modality') }}) as modality,
        coalesce(told.element.cache_ttl, {{ dimension_default('cache_ttl') | replace('meter =', 'told.element.meter =') }}) as cache_ttl,
        -- nearly every meter counts whole units, and those need no product
        case when meters.scale_factor > 1 then cast({{ money('told.element.quantity * meters.scale_factor') }} as int64) else cast(told.element.quantity as int64) end as quantity
    from {{ exploded('calls', 'charge_day, call_high, call_low, profile, several', 'usage', 'element') }} as told
    left join {{ ref('meters') }} as meters on told.element.meter = meters.meter

),

merged as (

    select charge_day, call_high, call_low, profile, meter, modality, cache_ttl, {{ isum('quantity') }} as quantity
    from elements
    where quantity > 0 and several
    group by charge_day, call_high, call_low, profile, meter, modality, cache_ttl

),

usages as (

    select charge_day, call_high, call_low, profile, meter, modality, cache_ttl, quantity from elements where quantity > 0 and not several
    union all
    select * from merged

),

final as (

    select *, {{ fingerprint(['profile', 'meter', 'modality', 'cache_ttl']) }} as cell from usages

)

select * from final
