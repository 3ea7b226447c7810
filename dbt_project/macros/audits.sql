{#
  How an audit, a data test of dbt, is asked, and what it says: where it fails it names the first rows it found, since a count tells finance
  nothing. An audit that reads what only changes by day is asked of days, and its text says `of_days` as a model kept by day does:

    meta.day         column that names a day
    meta.made_from   model with one row per day: (day, fingerprint, calls). A day is due when its fingerprint is not the one it last passed
                     with, so a day that failed is asked again until it passes
    meta.a_batch     true: at most `batch_calls` of the days due, the latest first; the others stay due
#}
{% materialization test, default %}
  {%- set asked, text, days = made_partitions(target.database, model.alias), sql, [] -%}
  {% if config.meta_get('day') and not var('days', []) %}
    {%- set made_from, passed_by = ref(config.meta_require('made_from')), local_md5(var('recipe') ~ model.raw_code) -%}
    {% do run_query("delete from " ~ asked ~ " where recipe <> '" ~ passed_by ~ "'") %}
    {%- set due = run_query(stale_days(asked, made_from)).rows | list -%}
    {%- set days = ((batched(due | reverse) | first or []) if config.meta_get('a_batch') else due | map(attribute=0) | list) | sort -%}
    {%- if days %}{% set text = marked(sql, days, days) %}{% endif -%}
  {% endif %}

  {% call statement('main', fetch_result=True, auto_begin=False) -%}
    {{ get_test_sql(get_limit_subquery_sql(text, config.get('limit')), config.get('fail_calc'), config.get('warn_if'),
        config.get('error_if'), limit=none) }}
  {%- endcall %}

  {% if load_result('main').data[0][0] %}
    {% call statement('found', fetch_result=True, auto_begin=False) %}select * from ({{ text }}) as found limit 3{% endcall %}
    {% do exceptions.warn(model.alias ~ ': ' ~ rows_in_words(load_result('found').table)) %}
  {% elif days %}
    {% do run_query(
      "begin transaction; delete from " ~ asked ~ " where day in (" ~ dates(days) ~ "); insert into " ~ asked ~ " select '" ~ passed_by
      ~ "', " ~ config.meta_require('day') ~ ", fingerprint from " ~ made_from ~ " where " ~ config.meta_require('day') ~ " in ("
      ~ dates(days) ~ "); commit") %}
  {% endif %}
  {{ return({'relations': []}) }}
{% endmaterialization %}

{# `column = value` of every row, money with all its digits #}
{% macro rows_in_words(table) -%}
  {%- set rows = [] -%}
  {%- for row in table.rows -%}
    {%- set told = [] -%}
    {%- for value in row -%}
      {%- set is_amount = value is number and value is not integer and value is not boolean -%}
      {%- do told.append(table.column_names[loop.index0] ~ ' = ' ~ ('{:f}'.format(value) if is_amount else value)) -%}
    {%- endfor -%}
    {%- do rows.append(told | join(', ')) -%}
  {%- endfor -%}
  {{ return(rows | join('; ')) }}
{%- endmacro %}
