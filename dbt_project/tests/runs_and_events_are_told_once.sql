{{ config(meta={'day': 'event_day', 'made_from': 'int_outcome_inputs'}) }}
-- depends_on: {{ ref('int_outcome_inputs') }}
-- no run, event or month of an event of a day has a second row, there or on any other day, and none is without its key
{% set keys = {'fct_run_cost': 'run_id', 'fct_cost_per_outcome': 'event_id', 'fct_event_cost_month': 'event_cost_month_id'} %}
{% for table, column in keys.items() %}
select '{{ table }}' as relation, told.{{ column }} as value, count(*) as times, min(told.event_day) as first_day,
    max(told.event_day) as last_day
from {{ ref(table) }} as told
join (select distinct {{ column }} from {{ ref(table) }} where {{ of_days('event_day') }}) as made
    on told.{{ column }} is not distinct from made.{{ column }}
group by told.{{ column }}
having told.{{ column }} is null or count(*) > 1
{{ 'union all' if not loop.last }}
{% endfor %}
