{{ config(materialized='by_day', require_partition_filter=true,
    meta={'day': 'event_day', 'made_from': 'int_event_inputs', 'reads': 'int_event_reads'}) }}
-- depends_on: {{ ref('int_event_inputs') }} {{ ref('int_event_reads') }}
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

days as (

    select days.* from {{ ref('int_run_days') }} as days join homes on days.run_id = homes.run_id
        where {{ of_read_days('days.charge_day') }}

),

by_model as (

    select costs.run_id, costs.model, {{ isum('costs.cost_nanos') }} as cost_nanos
    from {{ ref('int_call_costs') }} as costs
    join homes on costs.run_id = homes.run_id
    where costs.model is not null and {{ of_read_days('costs.charge_day') }}
    group by costs.run_id, costs.model

),

costliest as (

    select run_id, model, row_number() over (partition by run_id order by cost_nanos desc, model) as cost_rank from by_model
        where cost_nanos <> 0

),

seen as (

    select
        run_id,
        {% for name in names_of_calls() + names_of_settings() %}
        {{- only_of('min(min_' ~ name ~ ')', 'max(max_' ~ name ~ ')') }} as {{ name }},
        {% endfor %}max(case when production then 1 else 0 end) = 1 as production,
        min(started_at) as started_at, max(ended_at) as ended_at, {{ isum('calls') }} as calls
    from days
    group by run_id

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
        coalesce(seen.calls, 0) as calls
    from homes
    left join statements on homes.run_id = statements.run_id
    left join seen on homes.run_id = seen.run_id
    left join statuses on homes.run_id = statuses.run_id and statuses.recency = 1
    left join costliest on homes.run_id = costliest.run_id and costliest.cost_rank = 1
    left join {{ ref('stg_reference__environments') }} as environments on lower(statements.environment) = environments.environment

),

ordered as (

    select
        *,
        row_number() over (partition by coalesce(event_id, run_id) order by started_at nulls last, run_id) as position,
        lag(ended_at) over (partition by coalesce(event_id, run_id) order by started_at nulls last, run_id) as previous_ended_at,
        lag(status) over (partition by coalesce(event_id, run_id) order by started_at nulls last, run_id) as previous_status,
        lag(costliest_model) over (partition by coalesce(event_id, run_id) order by started_at nulls last, run_id) as previous_model
    from merged

),

kinds as (

    select
        *,
        case
            when declared_kind in ('primary', 'retry', 'fallback', 'escalation', 'worker') then declared_kind
            when retry_of_run_id is not null then 'retry'
            when parent_run_id is not null then 'worker'
            when event_id is null or position = 1 then 'primary'
            when started_at < previous_ended_at then 'worker'
            when {{ unsuccessful('previous_status') }} and previous_model <> costliest_model then 'fallback'
            when {{ unsuccessful('previous_status') }} then 'retry'
            else 'primary'
        end as kind
    from ordered

),

final as (

    select
        *,
        case
            when kind <> 'worker'
                then cast(sum(case when kind <> 'worker' then 1 else 0 end)
                    over (partition by coalesce(event_id, run_id) order by started_at nulls last,
                        run_id rows between unbounded preceding and current row) as int64)
        end as attempt
    from kinds

)

select * from final
