{{ config(materialized='ephemeral') }}
-- at most one class of waste per run, first match (R23)
with runs as (

    select
        runs.run_id, runs.event_id, runs.kind, runs.status, runs.started_at, runs.ended_at,
        {{ outcome_of('events') }} as outcome, events.outcome_at,
        runs.status = 'success' and events.outcome = 'success' and runs.ended_at <= events.outcome_at as may_be_kept
    from {{ ref('int_runs') }} as runs
    left join {{ ref('int_events') }} as events on runs.event_id = events.event_id and {{ of_days('events.event_day') }}
    where {{ of_days('runs.event_day') }}

),

-- what brought the outcome: the last successful run that ended no later; it is never waste
kept as (

    select
        *,
        coalesce(may_be_kept, false)
            and row_number() over (partition by event_id, coalesce(may_be_kept, false) order by ended_at desc, run_id desc) = 1 as is_kept,
        status = 'success' and kind = 'primary' as is_successful_primary
    from runs

),

-- of several successful primary runs of a successful event one was needed: the kept one, else the last of them
ranked as (

    select
        *,
        case when is_successful_primary
            then row_number() over (partition by event_id, is_successful_primary order by case when is_kept then 0 else 1 end,
                ended_at desc nulls last, run_id desc)
        end as primary_rank
    from kept

),

final as (

    select
        run_id,
        case
            when event_id is null or is_kept then null
            when primary_rank > 1 and outcome = 'success' then 'duplicate'
            when started_at > outcome_at then 'after_outcome'
            when outcome = 'abandoned' then 'abandoned_event'
            when outcome = 'failure' then 'failed_event'
            when {{ unsuccessful('status') }} then 'failed_attempt'
            when kind = 'fallback' then 'fallback_overhead'
            when kind = 'retry' then 'retry_overhead'
        end as waste_class
    from ranked

)

select * from final
