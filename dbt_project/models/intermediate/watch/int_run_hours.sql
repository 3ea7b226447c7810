{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_hour_inputs'}) }}
-- depends_on: {{ ref('int_hour_inputs') }}
-- grain: day × run × hour, of the longest runs of a feature's day: a loop is among them, and nothing else is asked of single runs
{% set kept = 5 %}
with runs as (

    select charge_day, run_id, feature_id, {{ isum('calls') }} as calls,
        row_number() over (partition by charge_day, feature_id order by sum(calls) desc, run_id) as place
    from {{ ref('int_call_contexts') }}
    where production and run_id is not null and feature_id is not null and {{ of_days('charge_day') }}
    group by charge_day, run_id, feature_id

),

of_long_runs as (

    select contexts.charge_day, contexts.context, contexts.run_id, contexts.feature_id, contexts.tenant_id, contexts.prompt_version
    from {{ ref('int_call_contexts') }} as contexts
    join runs on contexts.charge_day = runs.charge_day and contexts.run_id = runs.run_id and contexts.feature_id = runs.feature_id
        and runs.place <= {{ kept }}
    where contexts.production and {{ of_days('contexts.charge_day') }}

)

select
    told.charge_day, told.run_id, told.feature_id, {{ hour_index('valued.ended_at') }} as hour_index, min(told.tenant_id) as tenant_id,
    min(told.prompt_version) as prompt_version, count(*) as calls, {{ isum('coalesce(valued.list_nanos, 0)') }} as list_nanos
from of_long_runs as told
join {{ valued_calls(['charge_day', 'context', 'ended_at'], ['list'], known=true) }} as valued
    on told.charge_day = valued.charge_day and told.context = valued.context
group by told.charge_day, told.run_id, told.feature_id, {{ hour_index('valued.ended_at') }}
