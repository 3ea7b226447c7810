{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: day × run × event × production. What the day's calls of a run say about it and its event; the least and the greatest of every
-- name, so that several days can still tell whether all calls agree
select
    charge_day, run_id, event_id, production,{% for name in names_of_calls() + names_of_settings() %}
    {%- set told = 'lower(environment)' if name == 'environment' else name %}
    min({{ told }}) as min_{{ name }}, max({{ told }}) as max_{{ name }},{% endfor %}
    max(queue_ms) as queue_ms, max(jitter_ms) as jitter_ms, max(throttled) as throttled,
    min(started_at) as started_at, max(ended_at) as ended_at, {{ isum('calls') }} as calls
from {{ ref('int_call_contexts') }}
where (run_id is not null or event_id is not null) and {{ of_days('charge_day') }}
group by charge_day, run_id, event_id, production
