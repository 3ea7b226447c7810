{% set not_placed = {'geography': ' and placements.placed_geography is null', 'context_band': ' and thresholds.threshold is null'} %}
{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: day × profile of a delivery, with its billing source, its owners filled upwards and the model's name after aliases; price
-- dimensions the provider defaults are filled in, but for the context band, which each call decides (R8). `told_profile` numbers them in
-- the day, `placed` stands for all that the usages of their calls have in common and no call decides
with told as (

    select distinct cast(ended_at as date) as charge_day, landing_id, profile
    from {{ ref('stg_telemetry__metered_calls') }}
    where {{ within_days('ended_at') }}

),

landings as (

    select charge_day, landing_id, row_number() over (partition by charge_day order by landing_id) as place
    from (select distinct charge_day, landing_id from told) as distinct_landings

),

emitted as (

    select told.charge_day, landings.place, profiles.*, {{ fingerprint(emitter_columns()) }} as emitter
    from told
    join landings on told.charge_day = landings.charge_day and told.landing_id = landings.landing_id
    join {{ ref('stg_telemetry__call_profiles') }} as profiles
        on told.landing_id = profiles.landing_id and told.profile = profiles.profile

),

placed as (

    select
        emitted.charge_day, emitted.landing_id, emitted.profile, emitted.place, {{ numbered_in_day('emitted.place', 'emitted.profile') }}
            as told_profile,
        emitted.telemetry_source, emitted.emitter, emitted.billable, emitted.answered_from_cache,
        placements.source, placements.placed_account_id as billing_account_id, placements.placed_sub_account_id as sub_account_id,
        emitted.api_key_id, placements.placed_model as model,
{% for dimension in call_price_dimensions() if dimension != 'context_band' %}
        coalesce(emitted.{{ dimension }}, {{ 'placements.placed_geography, ' if dimension == 'geography' }}
            {{- dimension_default(dimension) }}) as {{ dimension }},
            {%- endfor %}
        emitted.context_band as told_context_band,
        case when emitted.span_kind = 'model' then thresholds.threshold end as threshold,
        emitted.usage_source = 'estimated' as estimated,
        case when emitted.sampling_probability_millionths > 0
            then emitted.sampling_probability_millionths end as sampling_probability_millionths,
        {% for dimension in call_price_dimensions() %}{{ assumed_bit(dimension,
            'emitted.' ~ dimension ~ ' is null' ~ not_placed.get(dimension, '')) }}{{ ' + ' if not loop.last }}{% endfor %} as assumed,
        emitted.usage_told,
        coalesce(placements.excludes_cache, false) as excludes_cache,
        coalesce(emitted.cache_blind, placements.cache_blind, false) as cache_blind,
        case
            when emitted.usage_inconsistent or emitted.cache_exceeds_input and emitted.token_semantics_by = 'convention'
                and not placements.excludes_cache
                then {{ named(['scope_name', 'scope_version', 'operation'], 'emitted.') }}
        end as inconsistent_emitter
    from emitted
    left join {{ ref('int_placements') }} as placements on emitted.emitter = placements.emitter
    left join {{ ref('int_context_thresholds') }} as thresholds on emitted.charge_day = thresholds.charge_day
        and emitted.emitter = thresholds.emitter

),

final as (

    select *, {{ fingerprint(['charge_day', 'source'] + owner_dimensions() + ['model', 'service_tier', 'batch', 'geography', 'region',
        'speed', 'estimated', 'sampling_probability_millionths']) }} as placed
    from placed

)

select * from final
