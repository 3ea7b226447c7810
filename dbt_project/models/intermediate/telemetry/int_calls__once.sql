{{ config(materialized='ephemeral') }}
-- grain: call. Nearly every telling is a call of its own and only passes by; what several tellings, wrapping spans or a trace say of
-- the others is resolved already (R29 to R32)
{% set columns = told_of_calls() %}
with resolved as (

    select landing_id, landing_row from {{ ref('stg_telemetry__resolved_tellings') }} where {{ of_days('charge_day') }}

),

final as (

    select
        cast(told.ended_at as date) as charge_day,
        case when told.trace_id is not null and told.span_id is not null then concat(lower(told.trace_id), '|', lower(told.span_id))
            else concat(told.telemetry_source, '|', told.record_id) end as own_id,
        {{ listed(columns, 'told.') }}, told.cached_total, told.usage_exclusive,
        cast(null as string) as inherited, cast(null as string) as identity_group, false as names_two_events,
        cast(null as boolean) as cache_blind
    from {{ ref('stg_telemetry__calls') }} as told
    left join resolved on told.landing_id = resolved.landing_id and told.landing_row = resolved.landing_row
    where {{ within_days('told.ended_at') }} and told.billable and resolved.landing_id is null

    union all

    select
        cast(ended_at as date), own_id, {{ listed(columns) }}, cast(null as int64), null,
        inherited, identity_group, names_two_events, cache_blind
    from {{ ref('stg_telemetry__resolved_calls') }}
    where {{ within_days('ended_at') }}

)

select * from final
