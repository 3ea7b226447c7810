-- grain: event's day. All that its events and their runs are made from: who they are, the calls of the days they touch with what those
-- received, the statements about the runs, the outcomes. `as_of` is not among it
with events as (

    select event_day, bit_xor({{ fingerprint(['event_id']) }}) as fingerprint,
        count(*) as events from {{ ref('int_event_homes') }} group by event_day

),

runs as (

    select event_day, bit_xor({{ fingerprint(['run_id', 'event_id']) }}) as fingerprint,
        count(*) as runs from {{ ref('int_run_homes') }} group by event_day

),

calls as (

    select reads.event_day, bit_xor({{ fingerprint(['days.charge_day', 'days.fingerprint']) }}) as fingerprint
    from {{ ref('int_event_reads') }} as reads
    join {{ ref('int_share_inputs') }} as days on reads.read_day = days.charge_day
    group by reads.event_day

),

{% set statement = ['landing_id', 'landing_line', 'run_id', 'event_id', 'parent_run_id', 'retry_of_run_id', 'declared_kind', 'tenant_id',
    'feature_id', 'customer_id', 'user_hash',
    'workflow', 'prompt_version', 'environment', 'started_at', 'ended_at', 'status', 'error_type'] %}
statements as (

    select homes.event_day, bit_xor(told.statement) as fingerprint
    from (select distinct run_id, {{ fingerprint(statement) }} as statement from {{ ref('stg_telemetry__runs') }}) as told
    join {{ ref('int_run_homes') }} as homes on told.run_id = homes.run_id
    group by homes.event_day

),

outcomes as (

    select homes.event_day,
        bit_xor({{ fingerprint(['told.event_id', 'told.outcome', 'told.emitter', 'told.occurred_at', 'told.outcome_value',
        'told.value_currency']) }}) as fingerprint
    from {{ ref('int_outcomes') }} as told
    join {{ ref('int_event_homes') }} as homes on told.event_id = homes.event_id
    group by homes.event_day

),

environments as (

    select coalesce(bit_xor({{ fingerprint(['environment', 'production']) }}), 0) as fingerprint
        from {{ ref('stg_reference__environments') }}

),

days as (

    select event_day from events
    union distinct
    select event_day from runs

),

final as (

    select
        days.event_day, coalesce(events.events, 0) + coalesce(runs.runs, 0) as calls,
        {{ fingerprint(['events.fingerprint', 'runs.fingerprint', 'calls.fingerprint', 'statements.fingerprint', 'outcomes.fingerprint',
            'environments.fingerprint']) }} as fingerprint
    from days
    left join events on days.event_day = events.event_day
    left join runs on days.event_day = runs.event_day
    left join calls on days.event_day = calls.event_day
    left join statements on days.event_day = statements.event_day
    left join outcomes on days.event_day = outcomes.event_day
    cross join environments

)

select * from final
