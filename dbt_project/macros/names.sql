{# schemas are called what the model says, not target_model #}
{% macro generate_schema_name(custom_schema_name, node) -%}{{ custom_schema_name or target.schema }}{%- endmacro %}

{# BigQuery refuses parameters in CAST, and contracts emit them #}
{% macro bigquery__cast(expression, data_type) -%}
cast({{ expression }} as {{ 'numeric' if data_type | lower | replace(' ', '') == 'numeric(38,9)' else data_type }})
{%- endmacro %}
