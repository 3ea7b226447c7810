{# whether a run ended without success; a status nobody told is not unsuccessful (R22) #}
{% macro unsuccessful(status) %}coalesce({{ status }} in ('failure', 'timeout', 'canceled'), false){% endmacro %}

{# the value several rows tell, where all that tell one tell the same: two are two, and never the smaller one (R26) #}
{% macro only_of(least, greatest) %}case when {{ least }} = {{ greatest }} then {{ least }} end{% endmacro %}

{# how an event ended: what somebody said, else abandoned when nothing was heard of it for long enough, else pending (R22) #}
{% macro outcome_of(events) -%}
case
        when {{ events }}.outcome is not null then {{ events }}.outcome
        when cast('{{ as_of() }}' as timestamp) > {{ events }}.last_active_at + interval {{ var('abandoned_after_days') }} day
            then 'abandoned'
        else 'pending'
    end
{%- endmacro %}

{# the day an event counts on in unit costs: of its outcome, else of its last call, else the day it began #}
{% macro resolved_day(events='') -%}
  {%- set of = events ~ '.' if events else '' -%}
coalesce(cast(coalesce({{ of }}outcome_at, {{ of }}ended_at) as date), {{ of }}event_day)
{%- endmacro %}

{# whether no call of an event was seen, in a feature whose other events of the month have calls: what it costs nobody knows (R24) #}
{% macro is_unobserved(month) %}calls = 0 and max(calls) over (partition by feature_id, {{ month }}) > 0{% endmacro %}
