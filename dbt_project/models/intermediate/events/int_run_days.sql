{{ config(materialized='ephemeral') }}
-- grain: day × context of calls that names a run or an event. What its calls say about both; the least and the greatest of every name, so
-- that several contexts and days can still tell whether all calls agree
select
    charge_day, context, run_id, event_id, production,{% for name in names_of_calls() + names_of_settings() %}
    {%- set told = 'lower(environment)' if name == 'environment' else name %}
    {{ told }} as min_{{ name }}, {{ told }} as max_{{ name }},{% endfor %}
    queue_ms, jitter_ms, throttled, started_at, ended_at, calls
from {{ ref('int_call_contexts') }}
where run_id is not null or event_id is not null
