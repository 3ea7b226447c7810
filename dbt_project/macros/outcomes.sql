{# how an event ended: what somebody said, else abandoned when nothing was heard of it for long enough, else pending (R22) #}
{% macro outcome_of(events) -%}
case
        when {{ events }}.outcome is not null then {{ events }}.outcome
        when cast('{{ as_of() }}' as timestamp) > {{ events }}.last_active_at + interval {{ var('abandoned_after_days') }} day then 'abandoned'
        else 'pending'
    end
{%- endmacro %}
