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

{# what telemetry tells of the machine a call ran on, where it does #}
{% macro signals_of_calls() %}{{ return(['queue_ms', 'jitter_ms', 'throttled']) }}{% endmacro %}

{# what telemetry tells of a call and placement needs #}
{% macro told_of_calls() -%}
{{ return(emitter_columns() + call_price_dimensions() + ['event_id', 'run_id'] + names_of_calls()
  + names_of_settings()
  + ['span_kind', 'started_at', 'ended_at', 'answered_from_cache', 'usage_source', 'input_total', 'token_semantics_by',
      'cache_exceeds_input', 'usage_inconsistent',
    'reported_cost', 'sampling_probability_millionths', 'usage'] + signals_of_calls()) }}
{%- endmacro %}
