{{ config(materialized='by_day', meta={'day': 'event_day', 'made_from': 'int_event_inputs', 'reads': 'int_event_reads'}) }}
-- depends_on: {{ ref('int_event_inputs') }} {{ ref('int_event_reads') }}
-- one row per event: who it was for, how it ended as far as anybody said, whether it is production
with homes as (

    select event_id, event_day from {{ ref('int_event_homes') }} where {{ of_days('event_day') }}

),

calls as (

{{ said_together('homes', 'event_id') }}

),

runs as (

    select
        event_id, max(case when production then 1 else 0 end) = 1 as production,
        min(started_at) as started_at, max(ended_at) as ended_at,
        count(*) as runs,
        max(attempt) as attempts,
        sum(case when kind <> 'worker' and {{ unsuccessful('status') }} then 1 else 0 end) as failed_attempts
    from {{ ref('int_runs') }}
    where event_id is not null and {{ of_days('event_day') }}
    group by event_id

),

-- what no call of an event tells, its runs may
told_by_runs as (

    select runs.event_id, {% for name in names_of_calls() + names_of_settings() -%}
        {{ only_of('min(runs.' ~ name ~ ')', 'max(runs.' ~ name ~ ')') }} as {{ name }}{{ ', ' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_runs') }} as runs
    left join calls on runs.event_id = calls.event_id
    where {{ of_days('runs.event_day') }} and (
        {% for name in names_of_calls() + names_of_settings() -%}
        runs.{{ name }} is not null and not coalesce(calls.tells_{{ name }}, false){{ ' or ' if not loop.last }}
        {%- endfor %})
    group by runs.event_id

),

-- the models that did the event's work, each where it was first tried; workers beside it are no part of its way
first_tries as (

    select event_id, costliest_model as model, min(attempt) as attempt
    from {{ ref('int_runs') }}
    where event_id is not null and kind <> 'worker' and costliest_model is not null and {{ of_days('event_day') }}
    group by event_id, costliest_model

),

routes as (

    select event_id, string_agg(model, ' > ' order by attempt, model) as model_route from first_tries group by event_id

),

final as (

    select
        homes.event_day, homes.event_id, routes.model_route,
        {% for name in names_of_calls() + names_of_settings() %}
        {{- 'case' }} when calls.tells_{{ name }} then calls.{{ name }} else told_by_runs.{{ name }} end as {{ name }},
        {% endfor %}calls.called_tenant_id, calls.called_feature_id,
        coalesce(calls.production, runs.production, true) as production,
        coalesce(calls.started_at, runs.started_at, outcomes.occurred_at) as started_at,
        coalesce(greatest(calls.ended_at, coalesce(runs.ended_at, calls.ended_at)), runs.ended_at, outcomes.occurred_at) as ended_at,
        coalesce(calls.calls, 0) as calls,
        coalesce(runs.runs, 0) as runs,
        coalesce(runs.attempts, 0) as attempts,
        cast(coalesce(runs.failed_attempts, 0) as int64) as failed_attempts,
        coalesce(calls.ended_at, runs.ended_at) as last_active_at,
        outcomes.outcome,
        outcomes.emitter as outcome_emitter,
        outcomes.occurred_at as outcome_at,
        outcomes.outcome_value, outcomes.value_currency
    from homes
    left join calls on homes.event_id = calls.event_id
    left join runs on homes.event_id = runs.event_id
    left join told_by_runs on homes.event_id = told_by_runs.event_id
    left join routes on homes.event_id = routes.event_id
    left join {{ ref('int_outcomes') }} as outcomes on homes.event_id = outcomes.event_id

)

select * from final
