{{ config(materialized='ephemeral') }}
-- grain: call, with its billing source, its owners filled upwards, the model's name after aliases, and its usage as told.
-- `profile` stands for all a call's usages have in common; price dimensions the provider defaults are filled in (R8)
{% set not_placed = {'geography': ' and placements.placed_geography is null', 'context_band': ' and thresholds.threshold is null'} %}
{% set told_by_placement = {
    'geography': 'placements.placed_geography, ',
    'context_band': "case when emitted.span_kind = 'model' and emitted.input_total + case when placements.excludes_cache
        then coalesce(emitted.cached_total, 0) else 0 end > thresholds.threshold then 'long' end, ",
} %}
with emitted as (

    select *, {{ fingerprint(emitter_columns()) }} as emitter from {{ ref('int_calls__once') }}

),

placed as (

    select
        {{ dbt.hash('emitted.own_id') }} as call_id,
        placements.source,
        placements.placed_account_id as billing_account_id,
        placements.placed_sub_account_id as sub_account_id,
        emitted.api_key_id,
        placements.placed_model as model,
{% for dimension in call_price_dimensions() %}
        coalesce(emitted.{{ dimension }}, {{ told_by_placement.get(dimension, '') }}{{ dimension_default(dimension) }}) as {{ dimension }},
            {%- endfor %}
        emitted.event_id, emitted.run_id, {{ listed(names_of_calls() + names_of_settings(), 'emitted.') }},
        coalesce(environments.production, true) as production,
        environments.environment is null as environment_unknown,
        emitted.started_at, emitted.ended_at, emitted.charge_day, hours.price_hour,
        emitted.usage_source = 'estimated' as estimated,
        case when emitted.sampling_probability_millionths > 0
            then emitted.sampling_probability_millionths end as sampling_probability_millionths,
        -- the day before or after on which the bill may have it; a batch has two, which follow from its own (R16)
        case
            when emitted.batch = 'true' then cast(null as date)
            when cast(emitted.started_at as date) < emitted.charge_day then cast(emitted.started_at as date)
            when {{ micros_of_day('emitted.ended_at') }} < {{ var('midnight_window_minutes') }} * 60000000
                then {{ add_days('emitted.charge_day', -1) }}
            when 86400000000 - {{ micros_of_day('emitted.ended_at') }} <= {{ var('midnight_window_minutes') }} * 60000000
                then {{ add_days('emitted.charge_day', 1) }}
        end as other_day,
        {% for dimension in call_price_dimensions() %}{{ assumed_bit(dimension,
            'emitted.' ~ dimension ~ ' is null' ~ not_placed.get(dimension, '')) }}{{ ' + ' if not loop.last }}{% endfor %} as assumed,
        coalesce(emitted.cache_blind, placements.cache_blind) as cache_blind,
        emitted.inherited, emitted.identity_group, emitted.names_two_events, emitted.answered_from_cache,
        case
            when emitted.usage_inconsistent or emitted.cache_exceeds_input and emitted.token_semantics_by = 'convention'
                and not placements.excludes_cache
                then {{ named(['scope_name', 'scope_version', 'operation'], 'emitted.') }}
        end as inconsistent_emitter,
        {{ listed(signals_of_calls(), 'emitted.') }}, emitted.reported_cost,
        -- an answer from a cache in between used nothing of the provider's (R32)
        case
            when emitted.answered_from_cache then null
            when placements.excludes_cache and array_length(emitted.usage_exclusive) > 0 then emitted.usage_exclusive
            else emitted.usage
        end as usage
    from emitted
    left join {{ ref('int_placements') }} as placements on emitted.emitter = placements.emitter
    left join {{ ref('int_context_thresholds') }} as thresholds on emitted.charge_day = thresholds.charge_day
        and emitted.emitter = thresholds.emitter
    left join {{ ref('int_price_hours') }} as hours
        on emitted.emitter = hours.emitter and {{ micros_of_day('emitted.ended_at') }} >= hours.begins
            and {{ micros_of_day('emitted.ended_at') }} < hours.ends
    left join {{ ref('stg_reference__environments') }} as environments on lower(emitted.environment) = environments.environment

),

final as (

    select
        *,
        {{ digits_of('call_id', 'high') }} as call_high,
        {{ digits_of('call_id', 'low') }} as call_low,
        {{ digits_of('call_id', 'tail') }} as call_tail,
        {{ fingerprint(call_dimensions()) }} as profile
    from placed

)

select * from final
