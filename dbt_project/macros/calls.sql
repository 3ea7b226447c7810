{# where a call's money ends (R5, R7) #}
{% macro call_destination(calls) -%}
case when not {{ calls }}.production then 'non_production' when {{ calls }}.event_id is null then 'untagged' else 'event' end
{%- endmacro %}

{# what calls say of the event and run they belong to #}
{% macro names_of_calls() -%}
  {{ return(['tenant_id', 'feature_id', 'customer_id', 'user_hash', 'workflow', 'prompt_version']) }}
{%- endmacro %}

{# where calls were made: which environment, and whether on real data or made up #}
{% macro names_of_settings() %}{{ return(['environment', 'data_mode']) }}{% endmacro %}
