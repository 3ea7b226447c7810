{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: usage cell (R8): the usages equal in every dimension, soundness, other day, sampling probability and cache-blindness; its
-- contract price follows from its dimensions and day, its flag from its other day. A usage in a slot is met by its profile and slot
with sums as (

    select charge_day, profile, told_profile{% for slot in slots() %},
        {{ isum(slot.name) }} as {{ slot.name }}, count({{ slot.name }}) as {{ slot.name }}_calls{% endfor %}
    from {{ ref('int_calls') }}
    where {{ of_days('charge_day') }}
    group by charge_day, profile, told_profile

),

usages as (

    {% for slot in slots() -%}
    select
        sums.charge_day, sums.profile, {{ slot.slot }} as slot, '{{ slot.meter }}' as meter,
        {{ dimension_default('modality') }} as modality,
        '{{ slot.cache_ttl }}' as cache_ttl, {{ slot.blind }} as cache_blind,
        told.assumed + {{ assumed_bit('modality', 'not ' ~ has_bit('told.usage_told', slot.bit)) }}
        {%- if slot.cache_ttl == '5m' %} + {{ assumed_bit('cache_ttl', 'not ' ~ has_bit('told.usage_told', ttl_told_bit())) }}{% endif %}
            as assumed,
        sums.{{ slot.name }} as quantity, sums.{{ slot.name }}_calls as calls
    from sums
    join {{ ref('int_told_profiles') }} as told on sums.charge_day = told.charge_day and sums.told_profile = told.told_profile
        and {{ of_days('told.charge_day') }}
    where sums.{{ slot.name }} > 0
    union all
    {% endfor -%}
    select charge_day, profile, cast(null as int64), meter, modality, cache_ttl, cache_blind, bit_or(assumed), {{ isum('quantity') }},
        count(*)
    from {{ ref('int_usages') }}
    where {{ of_days('charge_day') }}
    group by charge_day, profile, meter, modality, cache_ttl, cache_blind

),

cells as (

    select charge_day, profile, slot, meter, modality, cache_ttl, cache_blind, bit_or(assumed) as assumed,
        {{ isum('quantity') }} as quantity, {{ isum('calls') }} as calls,
        {{ fingerprint(['profile', 'meter', 'modality', 'cache_ttl', 'cache_blind']) }} as cell
    from usages
    group by charge_day, profile, slot, meter, modality, cache_ttl, cache_blind

),

joined as (

    select cells.cell, cells.profile, cells.slot, cells.meter, cells.modality, cells.cache_ttl, cells.cache_blind, cells.assumed,
        cells.quantity, cells.calls, {{ listed(call_dimensions(), 'profiles.') }}
    from cells
    join {{ ref('int_profiles') }} as profiles on cells.charge_day = profiles.charge_day and cells.profile = profiles.profile
        and {{ of_days('profiles.charge_day') }}

),

final as (

    select
        cell, profile, slot,
        {{ key(key_dimensions() + ['charge_day', 'price_hour', 'estimated', 'other_day', 'sampling_probability_millionths',
            'cache_blind']) }} as usage_cell_id,
        charge_day, {{ listed(key_dimensions()) }}, price_hour, estimated, other_day, sampling_probability_millionths, cache_blind, assumed,
        quantity, calls
    from joined

)

select * from final
