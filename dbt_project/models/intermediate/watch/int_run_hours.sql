{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_hour_inputs'}) }}
-- depends_on: {{ ref('int_hour_inputs') }}
-- grain: day × run × hour, of the longest runs of a feature's day: a loop is among them, and nothing else is asked of single runs
{% set kept = 5 %}
with cells as (

    select cell, scale_factor, {{ nanos('list_price') }} as list_price from {{ ref('int_usage_cells') }} where {{ of_days('ended_day') }}

),

runs as (

    select charge_day, run_id, feature_id, count(*) as calls,
        row_number() over (partition by charge_day, feature_id order by count(*) desc, run_id) as place
    from {{ ref('int_calls') }}
    where production and run_id is not null and feature_id is not null and {{ of_days('charge_day') }}
    group by charge_day, run_id, feature_id

),

of_long_runs as (

    select
        calls.charge_day, calls.run_id, calls.feature_id, {{ hour_index('calls.ended_at') }} as hour_index, calls.tenant_id,
        calls.prompt_version, calls.call_high, calls.call_low
    from {{ ref('int_calls') }} as calls
    join runs on calls.run_id = runs.run_id and calls.feature_id = runs.feature_id and runs.place <= {{ kept }}
    where calls.production and {{ of_days('calls.charge_day') }}

),

by_call as (

    select usages.call_high, usages.call_low,
        {{ isum(nano_product('usages.quantity', 'cells.scale_factor', 'cells.list_price')) }} as list_nanos
    from {{ ref('int_usages') }} as usages
    join of_long_runs as told on usages.call_high = told.call_high and usages.call_low = told.call_low
    join cells on usages.cell = cells.cell
    where {{ of_days('usages.charge_day') }}
    group by usages.call_high, usages.call_low

)

select
    told.charge_day, told.run_id, told.feature_id, told.hour_index, min(told.tenant_id) as tenant_id,
    min(told.prompt_version) as prompt_version, count(*) as calls, {{ isum('coalesce(by_call.list_nanos, 0)') }} as list_nanos
from of_long_runs as told
left join by_call on told.call_high = by_call.call_high and told.call_low = by_call.call_low
group by told.charge_day, told.run_id, told.feature_id, told.hour_index
