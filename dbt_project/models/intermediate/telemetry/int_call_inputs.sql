-- grain: day. All that its calls are made from: the files it stands in, those of its resolved calls among them, and where its emitters
-- are placed
with emitters as (

    select distinct charge_day, {{ fingerprint(emitter_columns()) }} as emitter from {{ ref('int_emitters') }}

),

placements as (

    select emitters.charge_day,
        bit_xor({{ fingerprint(['placed.emitter', 'placed.source', 'placed.placed_account_id', 'placed.placed_sub_account_id',
        'placed.placed_model', 'placed.placed_geography', 'placed.excludes_cache', 'placed.cache_blind']) }}) as fingerprint
    from emitters
    join {{ ref('int_placements') }} as placed on emitters.emitter = placed.emitter
    group by emitters.charge_day

),

thresholds as (

    select charge_day, bit_xor({{ fingerprint(['emitter', 'threshold']) }}) as fingerprint from {{ ref('int_context_thresholds') }}
        group by charge_day

),

hours as (

    select emitters.charge_day,
        bit_xor({{ fingerprint(['hours.emitter', 'hours.price_hour', 'hours.begins', 'hours.ends']) }}) as fingerprint
    from emitters
    join {{ ref('int_price_hours') }} as hours on emitters.emitter = hours.emitter
    group by emitters.charge_day

),

environments as (

    select coalesce(bit_xor({{ fingerprint(['environment', 'production']) }}), 0) as fingerprint
        from {{ ref('stg_reference__environments') }}

),

final as (

    select days.charge_day, days.calls,
        {{ fingerprint(['days.fingerprint', 'placements.fingerprint', 'thresholds.fingerprint', 'hours.fingerprint',
        'environments.fingerprint']) }} as fingerprint
    from {{ ref('int_call_days') }} as days
    left join placements on days.charge_day = placements.charge_day
    left join thresholds on days.charge_day = thresholds.charge_day
    left join hours on days.charge_day = hours.charge_day
    cross join environments

)

select * from final
