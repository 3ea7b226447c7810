-- grain: kind × key × day: what telemetry told and could not be used, or not as told (R7, R31, R33)
with unknown as (

    select distinct calls.charge_day, told.source, contexts.environment
    from {{ ref('int_calls') }} as calls
    join {{ ref('int_call_contexts') }} as contexts on calls.charge_day = contexts.charge_day and calls.context = contexts.context
    join {{ ref('int_told_profiles') }} as told on calls.charge_day = told.charge_day and calls.told_profile = told.told_profile
    where contexts.environment_unknown

),

inconsistent as (

    select told.source, told.inconsistent_emitter, calls.charge_day
    from {{ ref('int_calls') }} as calls
    join {{ ref('int_told_profiles') }} as told on calls.charge_day = told.charge_day and calls.told_profile = told.told_profile
    where told.inconsistent_emitter is not null

),

rejected as (

    select telemetry_source as source, unit, landing_line as line, attribute, reason, charge_day, {{ isum('bytes') }} as bytes
    from {{ ref('stg_telemetry__rejected_records') }}
    group by telemetry_source, unit, landing_line, attribute, reason, charge_day

),

unread as (

    select telemetry_source as source, scope_name, attribute, charge_day, {{ isum('calls') }} as calls, min(landing_line) as first_line
    from {{ ref('stg_telemetry__unread_usage') }}
    group by telemetry_source, scope_name, attribute, charge_day

),

final as (

    select
        'unknown_environment' as kind, source, charge_day, {{ named(['source', 'environment']) }} as break_key,
        {{ money('null') }} as quantity, {{ money('null') }} as amount, cast(null as string) as note,
        cast(null as string) as reconciliation_id
    from unknown

    union all

    select
        'usage_inconsistent', source, charge_day, trim(concat({{ named(['source']) }}, ' ', inconsistent_emitter)),
        {{ money('count(*)') }}, {{ money('null') }}, 'calls whose counts no reading fits; `token_semantics` of the source decides',
        cast(null as string)
    from inconsistent
    group by source, charge_day, inconsistent_emitter

    union all

    select
        'record_rejected', source, charge_day, {{ named(['source', 'unit', 'line', 'attribute', 'reason']) }},
        {{ money('null') }}, {{ money('null') }},
        -- a line of traces holds many spans, of which one may be lost
        case when attribute is null then concat('not read, in a line of ', {{ text('bytes') }}, ' bytes; the rest of the file is')
            else 'not read; the rest of the record is' end, cast(null as string)
    from rejected

    union all

    select
        'unread_usage', source, charge_day, {{ named(['source', 'scope_name', 'attribute']) }},
        {{ money('calls') }}, {{ money('null') }},
        concat('first in line ', {{ text('first_line') }}, '; if it counts tokens, name it under `attributes` of the source'),
        cast(null as string)
    from unread

)

select * from final
