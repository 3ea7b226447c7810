{#
  A table made whole, in one transaction: dbt-duckdb's own way makes it under another name, renames twice and looks for indexes and
  foreign keys, ten statements where two do. With eighty small tables a night that was a third of a small company's build.
  A contract is asked of the table made, since of the statement that would plan it once more; what fails is undone.
#}
{% materialization table, adapter='duckdb' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set existing = load_cached_relation(this) -%}

  {{ run_hooks(pre_hooks) }}
  {% call statement('main') -%}
    {% if existing is not none %}drop {{ existing.type }} {{ target_relation }};{% endif %}
    create table {{ target_relation }} as (
      {{ sql }}
    )
  {%- endcall %}
  {% if config.get('contract').enforced %}{{ get_assert_columns_equivalent('select * from ' ~ target_relation) }}{% endif %}
  {{ run_hooks(post_hooks) }}
  {{ adapter.commit() }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
