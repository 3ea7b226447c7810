{{ config(alias='calls', materialized='by_day', cluster_by=['context'], meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: call, in whole numbers: the digits of its digest stand for call_id, `profile` for all that its usages have in common, `context`
-- for whom and why, and each meter of text has a column. Nearly every telling is a call of its own and only passes by; what several
-- tellings, wrapping spans or a trace say of the others is resolved already (R29 to R32).
-- `<meter>_until` is what the calls of the profile have used up to this one in the order of call_id, the marks by which a receipt is
-- carved (R17)
with resolved as (

    select landing_id, landing_row from {{ ref('stg_telemetry__resolved_tellings') }} where {{ of_days('charge_day') }}

),

told as (

    select
        profiles.charge_day, told.call_high, told.call_low, told.call_tail, profiles.placed, profiles.told_profile,
        {{ numbered_in_day('profiles.place', 'told.context') }} as context,
        coalesce(
            profiles.told_context_band,
            -- input that was read without what is cached has it beside (R31); what a total or a setting decided is whole
            case when told.input_total
                    + case when profiles.excludes_cache and told.input_tokens_exclusive is not null then coalesce(told.cached_total, 0)
                        else 0 end
                > profiles.threshold then 'long' end,
            {{ dimension_default('context_band') }}
        ) as context_band,
        hours.price_hour,
        -- the day before or after on which the bill may have it; a batch has two, which follow from its own (R16)
        case
            when profiles.batch = 'true' then cast(null as date)
            when cast(told.started_at as date) < profiles.charge_day then cast(told.started_at as date)
            when {{ micros_of_day('told.ended_at') }} < {{ var('midnight_window_minutes') }} * 60000000
                then {{ add_days('profiles.charge_day', -1) }}
            when 86400000000 - {{ micros_of_day('told.ended_at') }} <= {{ var('midnight_window_minutes') }} * 60000000
                then {{ add_days('profiles.charge_day', 1) }}
        end as other_day,
        told.started_at, told.ended_at, told.queue_ms, told.jitter_ms, told.throttled, told.reported_cost,
        profiles.cache_blind, profiles.answered_from_cache,
        profiles.excludes_cache and told.input_tokens_exclusive is not null as reads_exclusive,
        told.input_tokens, told.input_tokens_exclusive, told.cache_read_tokens, told.cache_write_5m_tokens, told.cache_write_1h_tokens,
        told.output_tokens, told.other_usage, told.other_usage_exclusive
    from {{ ref('stg_telemetry__metered_calls') }} as told
    join {{ ref('int_told_profiles') }} as profiles
        on cast(told.ended_at as date) = profiles.charge_day and told.landing_id = profiles.landing_id and told.profile = profiles.profile
        and {{ of_days('profiles.charge_day') }}
    left join resolved on told.landing_id = resolved.landing_id and told.landing_row = resolved.landing_row
    left join {{ ref('int_price_hours') }} as hours
        on profiles.emitter = hours.emitter and {{ micros_of_day('told.ended_at') }} >= hours.begins
            and {{ micros_of_day('told.ended_at') }} < hours.ends
    where {{ within_days('told.ended_at') }} and resolved.landing_id is null
        and (profiles.billable or told.telemetry_source = '(resolved)')

),

-- an answer from a cache in between used nothing of the provider's (R32)
metered as (

    select
        charge_day, call_high, call_low, call_tail, {{ fingerprint(['placed', 'context_band', 'price_hour', 'other_day']) }} as profile,
        told_profile, context, context_band, price_hour, other_day, started_at, ended_at, queue_ms, jitter_ms, throttled, reported_cost,
        answered_from_cache,
        case when not answered_from_cache and not cache_blind
            then nullif(case when reads_exclusive then input_tokens_exclusive else input_tokens end, 0) end as input_tokens,
        case when not answered_from_cache and cache_blind
            then nullif(case when reads_exclusive then input_tokens_exclusive else input_tokens end, 0) end as blind_input_tokens,
        {% for slot in slots() if slot.meter != 'input_tokens' -%}
        case when not answered_from_cache then nullif({{ slot.name }}, 0) end as {{ slot.name }},
        {% endfor -%}
        case when not answered_from_cache then case when reads_exclusive then other_usage_exclusive else other_usage end end as other_usage
    from told

),

final as (

    select
        *,
        {% for slot in slots() -%}
        case when {{ slot.name }} is not null then {{ running(slot.name, 'profile', 'call_high, call_low') }} end
            as {{ slot.name }}_until,
        {% endfor -%}
        -- a call with the rank of the one before is told again
        row_number() over (partition by profile order by call_high, call_low)
            > rank() over (partition by profile order by call_high, call_low) as told_again
    from metered

)

select * from final
