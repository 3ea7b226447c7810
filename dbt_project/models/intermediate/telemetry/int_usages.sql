{% set call = ['charge_day', 'call_high', 'call_low', 'call_tail', 'profile', 'context', 'told_again'] %}
{{ config(alias='usages', materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: call × usage cell, of usages that are in no slot. Elements of one call that are equal in everything are one usage; only where a
-- call names a meter twice can there be such
with calls as (

    select {{ listed(call, 'calls.') }}, told.cache_blind, told.assumed, calls.other_usage,
        {{ may_repeat_meter('calls.other_usage') }} as several
    from {{ ref('int_calls') }} as calls
    join {{ ref('int_told_profiles') }} as told on calls.charge_day = told.charge_day and calls.told_profile = told.told_profile
    where calls.other_usage is not null and {{ of_days('calls.charge_day') }} and {{ of_days('told.charge_day') }}

),

elements as (

    select
        {{ listed(call, 'told.') }}, told.several, told.element.meter as meter,
        coalesce(told.element.modality, {{ dimension_default('modality') }}) as modality,
        coalesce(told.element.cache_ttl, {{ dimension_default('cache_ttl') | replace('meter =', 'told.element.meter =') }}) as cache_ttl,
        -- what tells no cached count may hide one in its input, and in nothing else (R8)
        told.cache_blind and told.element.meter = 'input_tokens' as cache_blind,
        told.assumed + {{ assumed_bit('modality', 'told.element.modality is null') }}
            + {{ assumed_bit('cache_ttl', "told.element.meter = 'cache_write_input_tokens' and told.element.cache_ttl is null") }}
                as assumed,
        told.element.quantity as quantity, meters.scale_factor
    from {{ exploded('calls', listed(call + ['cache_blind', 'assumed', 'several']), 'other_usage', 'element') }} as told
    left join {{ ref('meters') }} as meters on told.element.meter = meters.meter

),

usages as (

    select {{ listed(call) }}, meter, modality, cache_ttl, cache_blind, assumed, quantity,
        scale_factor from elements where not several
    union all
    select {{ listed(call) }}, meter, modality, cache_ttl, cache_blind, bit_or(assumed),
        sum(quantity), scale_factor
    from elements
    where several
    group by {{ listed(call) }}, meter, modality, cache_ttl, cache_blind, scale_factor

),

-- rounded to the meter's scale once per usage (R10); nearly every meter counts whole units, and those need no product
counted as (

    select
        {{ listed(call) }}, meter, modality, cache_ttl, cache_blind, assumed,
        case when scale_factor > 1 then cast({{ money('quantity * scale_factor') }} as int64) else cast(quantity as int64) end as quantity
    from usages

),

final as (

    select *, {{ fingerprint(['profile', 'meter', 'modality', 'cache_ttl', 'cache_blind']) }} as cell from counted where quantity > 0

)

select * from final
