{{ config(materialized='ephemeral') }}
-- at most one class of waste per run, first match (R23)
with runs as (

    select
        runs.run_id, runs.event_id, runs.kind, runs.status, runs.started_at, runs.ended_at,
        {{ outcome_of('events') }} as outcome, events.outcome_at,
        row_number() over (
            partition by coalesce(runs.event_id, runs.run_id)
            order by case when runs.status = 'success' and (events.outcome_at is null or runs.ended_at <= events.outcome_at) then 0 else 1 end,
                runs.ended_at desc, runs.run_id desc
        ) as success_recency
    from {{ ref('int_runs') }} as runs
    left join {{ ref('int_events') }} as events on runs.event_id = events.event_id and {{ of_days('events.event_day') }}
    where {{ of_days('runs.event_day') }}

),

final as (

    select
        run_id,
        case
            when event_id is null then null
            when outcome = 'success' and success_recency = 1 and status = 'success' and (outcome_at is null or ended_at <= outcome_at) then null
            when outcome_at is not null and started_at > outcome_at then 'after_outcome'
            when outcome = 'abandoned' then 'abandoned_event'
            when outcome = 'failure' then 'failed_event'
            when status in ('failure', 'timeout', 'canceled') then 'failed_attempt'
            when kind = 'fallback' then 'fallback_overhead'
            when kind = 'retry' then 'retry_overhead'
        end as waste_class
    from runs

)

select * from final
