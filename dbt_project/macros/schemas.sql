{# schemas are called what the model says, not target_model; where others have datasets too, with a prefix #}
{% macro generate_schema_name(custom_schema_name, node) -%}
{{ env_var('RECONCILE_SCHEMA_PREFIX', '') }}{{ custom_schema_name or target.schema }}
{%- endmacro %}
