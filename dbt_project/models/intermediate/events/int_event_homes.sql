-- grain: event, with its day: of its first call, else of its first run, else of its outcome
with calls as (

    select event_id, min(charge_day) as first_day from {{ ref('int_run_days') }} where event_id is not null group by event_id

),

runs as (

    select event_id, min(first_day) as first_day from {{ ref('int_run_events') }} where event_id is not null group by event_id

),

named as (

    select event_id from calls
    union distinct
    select event_id from runs
    union distinct
    select event_id from {{ ref('int_outcomes') }}

),

final as (

    select named.event_id,
        coalesce(calls.first_day, runs.first_day, cast(outcomes.occurred_at as date), cast('1970-01-01' as date)) as event_day
    from named
    left join calls on named.event_id = calls.event_id
    left join runs on named.event_id = runs.event_id
    left join {{ ref('int_outcomes') }} as outcomes on named.event_id = outcomes.event_id

)

select * from final
