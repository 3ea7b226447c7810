{#
  A table made whole, in one transaction: dbt-duckdb's own way makes it under another name, renames twice and looks for indexes and
  foreign keys, ten statements where two do. With eighty small tables a night that was a third of a small company's build.
#}
{% materialization table, adapter='duckdb' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set existing = load_cached_relation(this) -%}

  {{ run_hooks(pre_hooks) }}
  {% call statement('main') -%}
    {% if existing is not none %}drop {{ existing.type }} {{ target_relation }};{% endif %}
    {{ create_table_as(False, target_relation, sql) }}
  {%- endcall %}
  {{ run_hooks(post_hooks) }}
  {{ adapter.commit() }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
