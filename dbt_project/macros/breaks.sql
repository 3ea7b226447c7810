{# a key as a reader sees it: name=value for each of some columns that is known, in their order #}
{% macro named(columns, prefix='') -%}
  {%- set parts = [] -%}
  {%- for column in columns %}{% do parts.append("coalesce('" ~ column ~ "=' || " ~ text(prefix ~ column) ~ " || ' ', '')") %}{% endfor -%}
  trim({{ parts | join(' || ') }})
{%- endmacro %}

{#
  what every model that finds breaks says of one; reconciliation_id where a variance is behind it, whose largest component is then its class
#}
{% macro break_columns() -%}
  {{ return(['kind', 'source', 'charge_day', 'break_key', 'quantity', 'amount', 'note', 'reconciliation_id']) }}
{%- endmacro %}
