{{ config(materialized='ephemeral') }}
-- grain: run, with the event it counts for and its first day. A statement about the run is heard before its calls
with statements as (

    select run_id, min(event_id) as event_id, min(cast(coalesce(started_at, ended_at) as date)) as first_day
    from {{ ref('stg_telemetry__runs') }}
    group by run_id

),

seen as (

    select run_id, min(event_id) as event_id, min(charge_day) as first_day from {{ ref('int_call_contexts') }} where run_id is not null
        group by run_id

),

final as (

    select
        coalesce(statements.run_id, seen.run_id) as run_id, coalesce(statements.event_id, seen.event_id) as event_id,
        coalesce(seen.first_day, statements.first_day, cast('1970-01-01' as date)) as first_day
    from statements
    full outer join seen on statements.run_id = seen.run_id

)

select * from final
