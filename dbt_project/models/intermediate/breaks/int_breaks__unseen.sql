-- grain: kind × key × day: runs of which no call was seen, and outcomes of events without any run or call, by feature (R33)
with seen_runs as (

    select distinct run_id from {{ ref('int_run_days') }} where run_id is not null

),

seen_events as (

    select event_id from {{ ref('int_run_events') }} where event_id is not null
    union distinct
    select event_id from {{ ref('int_run_days') }} where event_id is not null

),

runs as (

    select
        run_id, {{ only_of('min(feature_id)', 'max(feature_id)') }} as feature_id,
        cast(min(coalesce(started_at, ended_at)) as date) as charge_day
    from {{ ref('stg_telemetry__runs') }}
    group by run_id

),

silent as (

    select runs.feature_id, runs.charge_day from runs left join seen_runs on runs.run_id = seen_runs.run_id where seen_runs.run_id is null

    union all

    select cast(null as string), cast(outcomes.occurred_at as date)
    from {{ ref('int_outcomes') }} as outcomes
    left join seen_events on outcomes.event_id = seen_events.event_id
    where seen_events.event_id is null

),

final as (

    select
        'no_calls' as kind, '(none)' as source, charge_day, trim(concat('source=(none) ', {{ named(['feature_id']) }})) as break_key,
        {{ money('count(*)') }} as quantity, {{ money('null') }} as amount,
        'runs, and outcomes of events without a run, of which no call was seen' as note, cast(null as string) as reconciliation_id
    from silent
    group by feature_id, charge_day

)

select * from final
