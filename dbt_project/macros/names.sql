{# schemas are called what the model says, not target_model; where others have datasets too, with a prefix #}
{% macro generate_schema_name(custom_schema_name, node) -%}
{{ env_var('RECONCILE_SCHEMA_PREFIX', '') }}{{ custom_schema_name or target.schema }}
{%- endmacro %}

{# the knowledge cut-off; a variable would have dbt parse the whole project anew every night #}
{% macro as_of() -%}{{ return(env_var('RECONCILE_AS_OF', '2026-01-01 00:00:00')) }}{%- endmacro %}

{# its UTC day; BigQuery reads no DATE from a text that tells a time #}
{% macro as_of_day() %}cast(cast('{{ as_of() }}' as timestamp) as date){% endmacro %}

{# first day of the hourly watch: late spans of older days are not all of those days #}
{% macro watched_from() -%}{{ return(env_var('RECONCILE_WATCHED_FROM', '0001-01-01')) }}{%- endmacro %}

{# BigQuery refuses parameters in CAST, and contracts emit them #}
{% macro bigquery__cast(expression, data_type) -%}
cast({{ expression }} as {{ 'numeric' if data_type | lower | replace(' ', '') == 'numeric(38,9)' else data_type }})
{%- endmacro %}

{# where a call's money ends (R5, R7) #}
{% macro call_destination(calls) -%}
case when not {{ calls }}.production then 'non_production' when {{ calls }}.event_id is null then 'untagged' else 'event' end
{%- endmacro %}

{# what calls say of the event and run they belong to #}
{% macro names_of_calls() %}{{ return(['tenant_id', 'feature_id', 'customer_id', 'user_hash', 'workflow', 'prompt_version']) }}{% endmacro %}

{# what telemetry tells of a call and placement needs #}
{% macro told_of_calls() -%}
{{ return(['call_identity', 'provider', 'endpoint'] + owner_dimensions() + ['model'] + call_price_dimensions() + ['event_id', 'run_id'] + names_of_calls()
  + ['environment', 'started_at', 'ended_at', 'usage_source', 'reported_cost', 'sampling_probability_millionths', 'usage']) }}
{%- endmacro %}

{# how an event ended: what somebody said, else abandoned when nothing was heard of it for long enough, else pending (R22) #}
{% macro outcome_of(events) -%}
case
        when {{ events }}.outcome is not null then {{ events }}.outcome
        when cast('{{ as_of() }}' as timestamp) > {{ events }}.last_active_at + interval {{ var('abandoned_after_days') }} day then 'abandoned'
        else 'pending'
    end
{%- endmacro %}
