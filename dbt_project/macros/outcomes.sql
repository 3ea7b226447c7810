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
