{{ config(materialized='by_day', require_partition_filter=true,
    meta={'day': 'event_day', 'made_from': 'int_event_inputs', 'reads': 'int_event_reads'}) }}
-- depends_on: {{ ref('int_event_inputs') }} {{ ref('int_event_reads') }}
{% set in_event = 'partition by coalesce(event_id, run_id) order by started_at nulls last, run_id' %}
-- one row per run: several statements about it merged, its calls' span of time, its kind and attempt (R22)
with homes as (

    select run_id, event_id, event_day from {{ ref('int_run_homes') }} where {{ of_days('event_day') }}

),

told as (

    select told.* from {{ ref('stg_telemetry__runs') }} as told join homes on told.run_id = homes.run_id

),

statements as (

    select
        run_id,
        min(parent_run_id) as parent_run_id,
        min(retry_of_run_id) as retry_of_run_id,
        min(declared_kind) as declared_kind,
        {% for name in names_of_calls() %}{{ only_of('min(' ~ name ~ ')', 'max(' ~ name ~ ')') }} as {{ name }},
            min({{ name }}) is not null as tells_{{ name }},
        {% endfor %}        min(environment) as environment,
        min(started_at) as started_at,
        max(ended_at) as ended_at
    from told
    group by run_id

),

-- the latest statement that says how the run ended
statuses as (

    select run_id, status, error_type,
        row_number() over (partition by run_id order by ended_at desc nulls last, landing_id, landing_line) as recency
    from told
    where status is not null

),

seen as (

{{ said_together('homes', 'run_id') }}

),

by_model as (

    select costs.run_id, costs.model, {{ isum('costs.cost_nanos') }} as cost_nanos, {{ isum('costs.accrued_nanos') }} as accrued_nanos
    from {{ ref('int_call_costs') }} as costs
    join homes on costs.run_id = homes.run_id
    where {{ of_read_days('costs.charge_day') }}
    group by costs.run_id, costs.model

),

costs as (

    select run_id, {{ isum('cost_nanos') }} as cost_nanos, {{ isum('accrued_nanos') }} as accrued_nanos,
        max(case when model is not null and cost_nanos <> 0 then cost_nanos end) as costliest_nanos
    from by_model
    group by run_id

),

-- of models that cost the same the first by name
costliest as (

    select by_model.run_id, min(by_model.model) as model
    from by_model
    join costs on by_model.run_id = costs.run_id and by_model.cost_nanos = costs.costliest_nanos
    group by by_model.run_id

),

merged as (

    select
        homes.event_day, homes.run_id, homes.event_id,
        statements.parent_run_id, statements.retry_of_run_id, statements.declared_kind,
        {% for name in names_of_calls() %}case when statements.tells_{{ name }} then statements.{{ name }}
            else seen.{{ name }} end as {{ name }},
        {% endfor %}coalesce(lower(statements.environment), seen.environment) as environment, seen.data_mode,
        coalesce(seen.production, environments.production, true) as production,
        coalesce(statements.started_at, seen.started_at) as started_at,
        coalesce(statements.ended_at, seen.ended_at) as ended_at,
        statuses.status, statuses.error_type,
        costliest.model as costliest_model,
        coalesce(seen.calls, 0) as calls,
        coalesce(costs.cost_nanos, 0) as cost_nanos, coalesce(costs.accrued_nanos, 0) as accrued_nanos
    from homes
    left join statements on homes.run_id = statements.run_id
    left join seen on homes.run_id = seen.run_id
    left join statuses on homes.run_id = statuses.run_id and statuses.recency = 1
    left join costs on homes.run_id = costs.run_id
    left join costliest on homes.run_id = costliest.run_id
    left join {{ ref('stg_reference__environments') }} as environments on lower(statements.environment) = environments.environment

),

-- runs in their order within the event; only what tells a run's kind is sorted, not its words
ordered as (

    select
        run_id, coalesce(event_id, run_id) as whole, event_id, parent_run_id, retry_of_run_id, declared_kind, started_at, costliest_model,
        row_number() over ({{ in_event }}) as place, lag(ended_at) over ({{ in_event }}) as previous_ended_at,
        lag(status) over ({{ in_event }}) as previous_status, lag(costliest_model) over ({{ in_event }}) as previous_model
    from merged

),

kinds as (

    select
        run_id, whole, place,
        case
            when declared_kind in ('primary', 'retry', 'fallback', 'escalation', 'worker') then declared_kind
            when retry_of_run_id is not null then 'retry'
            when parent_run_id is not null then 'worker'
            when event_id is null or place = 1 then 'primary'
            when started_at < previous_ended_at then 'worker'
            when {{ unsuccessful('previous_status') }} and previous_model <> costliest_model then 'fallback'
            when {{ unsuccessful('previous_status') }} then 'retry'
            else 'primary'
        end as kind
    from ordered

),

-- a worker is no attempt: where an event has one, its attempts are not its runs' places
beside_workers as (

    select run_id,
        {{ running("case when kind <> 'worker' then 1 else 0 end", 'whole', 'place') }} as attempt
    from kinds
    where whole in (select workers.whole from kinds as workers where workers.kind = 'worker')

),

final as (

    select
        merged.event_day, merged.run_id, merged.event_id, {{ listed(names_of_calls() + names_of_settings(), 'merged.') }},
        merged.production, merged.started_at, merged.ended_at, merged.status, merged.error_type, merged.costliest_model, merged.calls,
        merged.cost_nanos, merged.accrued_nanos, kinds.kind,
        case when kinds.kind <> 'worker' then coalesce(beside_workers.attempt, kinds.place) end as attempt
    from merged
    join kinds on merged.run_id = kinds.run_id
    left join beside_workers on kinds.run_id = beside_workers.run_id

)

select * from final
