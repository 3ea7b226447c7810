{{ config(materialized='ephemeral') }}
-- at most one class of waste per run, first match (R23)
with runs as (

    select
        runs.run_id, runs.event_id, runs.kind, runs.status, runs.started_at, runs.ended_at,
        {{ outcome_of('events') }} as outcome, events.outcome_at
    from {{ ref('int_runs') }} as runs
    left join {{ ref('int_events') }} as events on runs.event_id = events.event_id and {{ of_days('events.event_day') }}
    where {{ of_days('runs.event_day') }}

),

-- only successful runs of a successful event are compared with one another
successful as (

    select
        run_id, event_id, kind, ended_at, may_be_kept,
        may_be_kept and row_number() over (partition by event_id, may_be_kept order by ended_at desc, run_id desc) = 1 as is_kept
    from (select *, coalesce(ended_at <= outcome_at, false) as may_be_kept from runs) as told
    where event_id is not null and status = 'success' and outcome = 'success'

),

-- what brought the outcome: the last successful run that ended no later; it is never waste
kept as (

    select run_id from successful where is_kept

),

-- of several successful primary runs one was needed: the kept one, else the last of them
duplicates as (

    select run_id
    from (
        select run_id,
            row_number() over (partition by event_id order by case when is_kept then 0 else 1 end, ended_at desc nulls last, run_id desc)
                as place
        from successful
        where kind = 'primary'
    ) as primaries
    where place > 1

),

final as (

    select
        runs.run_id,
        case
            when runs.event_id is null or kept.run_id is not null then null
            when duplicates.run_id is not null then 'duplicate'
            when runs.started_at > runs.outcome_at then 'after_outcome'
            when runs.outcome = 'abandoned' then 'abandoned_event'
            when runs.outcome = 'failure' then 'failed_event'
            when {{ unsuccessful('runs.status') }} then 'failed_attempt'
            when runs.kind = 'fallback' then 'fallback_overhead'
            when runs.kind = 'retry' then 'retry_overhead'
        end as waste_class
    from runs
    left join kept on runs.run_id = kept.run_id
    left join duplicates on runs.run_id = duplicates.run_id

)

select * from final
