-- one row per event: who it was for, how it ended, whether it is production
with calls as (

    select
        event_id,
        case when min(tenant_id) = max(tenant_id) then min(tenant_id) end as tenant_id,
        case when min(feature_id) = max(feature_id) then min(feature_id) end as feature_id,
        case when min(customer_id) = max(customer_id) then min(customer_id) end as customer_id,
        case when min(user_hash) = max(user_hash) then min(user_hash) end as user_hash,
        case when min(workflow) = max(workflow) then min(workflow) end as workflow,
        case when min(prompt_version) = max(prompt_version) then min(prompt_version) end as prompt_version,
        max(case when production then 1 else 0 end) = 1 as production,
        min(coalesce(started_at, ended_at)) as started_at,
        max(ended_at) as ended_at,
        count(*) as calls
    from {{ ref('int_calls') }}
    where event_id is not null
    group by event_id

),

runs as (

    select
        event_id,
        case when min(tenant_id) = max(tenant_id) then min(tenant_id) end as tenant_id,
        case when min(feature_id) = max(feature_id) then min(feature_id) end as feature_id,
        case when min(workflow) = max(workflow) then min(workflow) end as workflow,
        case when min(prompt_version) = max(prompt_version) then min(prompt_version) end as prompt_version,
        max(case when production then 1 else 0 end) = 1 as production,
        min(started_at) as started_at, max(ended_at) as ended_at,
        count(*) as runs,
        max(attempt) as attempts,
        sum(case when kind <> 'worker' and status in ('failure', 'timeout', 'canceled') then 1 else 0 end) as failed_attempts
    from {{ ref('int_runs') }}
    where event_id is not null
    group by event_id

),

named as (

    select event_id from calls
    union distinct
    select event_id from runs
    union distinct
    select event_id from {{ ref('int_outcomes') }}

),

final as (

    select
        named.event_id,
        coalesce(calls.tenant_id, runs.tenant_id) as tenant_id,
        coalesce(calls.feature_id, runs.feature_id) as feature_id,
        calls.customer_id, calls.user_hash,
        coalesce(calls.workflow, runs.workflow) as workflow,
        coalesce(calls.prompt_version, runs.prompt_version) as prompt_version,
        coalesce(calls.production, runs.production, true) as production,
        coalesce(calls.started_at, runs.started_at, outcomes.occurred_at) as started_at,
        coalesce(greatest(calls.ended_at, coalesce(runs.ended_at, calls.ended_at)), runs.ended_at, outcomes.occurred_at) as ended_at,
        coalesce(calls.calls, 0) as calls,
        coalesce(runs.runs, 0) as runs,
        coalesce(runs.attempts, 0) as attempts,
        cast(coalesce(runs.failed_attempts, 0) as int64) as failed_attempts,
        case
            when outcomes.outcome is not null then outcomes.outcome
            when cast('{{ var("as_of") }}' as timestamp)
                > coalesce(calls.ended_at, runs.ended_at) + interval {{ var('abandoned_after_days') }} day then 'abandoned'
            else 'pending'
        end as outcome,
        outcomes.emitter as outcome_emitter,
        outcomes.occurred_at as outcome_at,
        outcomes.outcome_value, outcomes.value_currency
    from named
    left join calls on named.event_id = calls.event_id
    left join runs on named.event_id = runs.event_id
    left join {{ ref('int_outcomes') }} as outcomes on named.event_id = outcomes.event_id

)

select * from final
