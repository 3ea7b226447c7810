{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: usage cell (R8): the usages equal in every dimension, soundness, other day, sampling probability and cache-blindness; its
-- contract price follows from its dimensions and day, its flag from its other day
with profiles as (

    select profile, {{ listed(call_dimensions()) }} from {{ ref('int_calls') }} where {{ of_days('charge_day') }} group by profile,
        {{ listed(call_dimensions()) }}

),

sums as (

    select cell, profile, meter, modality, cache_ttl, cache_blind, bit_or(assumed) as assumed, {{ isum('quantity') }} as quantity,
        count(*) as calls
    from {{ ref('int_usages') }}
    where {{ of_days('charge_day') }}
    group by cell, profile, meter, modality, cache_ttl, cache_blind

),

joined as (

    select sums.cell, sums.meter, sums.modality, sums.cache_ttl, sums.cache_blind, sums.assumed, sums.quantity, sums.calls,
        {{ listed(call_dimensions(), 'profiles.') }}
    from sums
    join profiles on sums.profile = profiles.profile

),

final as (

    select
        cell, {{ key(key_dimensions() + ['charge_day', 'price_hour', 'estimated', 'other_day', 'sampling_probability_millionths',
            'cache_blind']) }} as usage_cell_id,
        charge_day, {{ listed(key_dimensions()) }}, price_hour, estimated, other_day, sampling_probability_millionths, cache_blind, assumed,
        quantity, calls
    from joined

)

select * from final
