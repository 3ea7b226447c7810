{#
  Tables kept one day's partition at a time. What a day's rows are made from has a fingerprint; a day is made again exactly when the
  fingerprint is not the one it was made from. Rows and fingerprint change in one transaction, so a build killed anywhere leaves every
  day either as it was or as it will be, and the next build goes on from there.

    meta.day         column of the model that names its partition
    meta.made_from   model with one row per day: (day, fingerprint, calls); a day it no longer names is emptied
    meta.reads       model with (day, read_day): the days whose rows a day's rows need; its own alone where there is none
    cluster_by       columns BigQuery keeps a day's rows ordered by: what readers filter on
    require_partition_filter   true: BigQuery refuses a query that names no day; of large tables that are read by day only

  The model's SQL says `of_days`, `within_days` and the same of the days it reads; the literals they stand for let both warehouses prune.
#}

{% macro of_days(column) %}{{ column }} in ({{ day_marks().day }}){% endmacro %}
{% macro of_read_days(column) %}{{ column }} in ({{ day_marks().read_day }}){% endmacro %}
{% macro within_days(timestamp) -%}
{{ timestamp }} >= {{ day_marks().first }} and {{ timestamp }} < {{ day_marks().end }} and {{ of_days('cast(' ~ timestamp ~ ' as date)') }}
{%- endmacro %}
{% macro within_read_days(timestamp) -%}
{{ timestamp }} >= {{ day_marks().first_read }} and {{ timestamp }} < {{ day_marks().end_read }}
    and {{ of_read_days('cast(' ~ timestamp ~ ' as date)') }}
{%- endmacro %}

{#
  What stands in compiled SQL where the days go: dates nothing happened on, so that the text alone gives no rows. With
  `--vars '{days: [2026-09-03]}'` it gives those of the days named; `read_days` names the days read where they are others.
#}
{% macro day_marks() -%}
  {%- if var('days', []) %}{{ return(day_literals(var('days'), var('read_days', var('days')))) }}{% endif -%}
  {{ return({
    'day': "cast('0001-01-01' as date)", 'first': "cast('0001-01-02' as timestamp)", 'end': "cast('0001-01-03' as timestamp)",
    'read_day': "cast('0001-01-04' as date)", 'first_read': "cast('0001-01-05' as timestamp)",
    'end_read': "cast('0001-01-06' as timestamp)",
  }) }}
{%- endmacro %}

{# the same of days, which come in order #}
{% macro day_literals(days, read_days) -%}
  {{ return({
    'day': dates(days), 'first': midnight_of(days | first, 0), 'end': midnight_of(days | last, 1),
    'read_day': dates(read_days), 'first_read': midnight_of(read_days | first, 0), 'end_read': midnight_of(read_days | last, 1),
  }) }}
{%- endmacro %}

{% macro midnight_of(day, later) -%}
cast('{{ modules.datetime.date.fromisoformat(day | string) + modules.datetime.timedelta(days=later) }}' as timestamp)
{%- endmacro %}

{% macro marked(sql, days, read_days) -%}
  {%- set literals, text = day_literals(days, read_days), namespace(sql=sql) -%}
  {%- for name, mark in day_marks().items() %}{% set text.sql = text.sql | replace(mark, literals[name]) %}{% endfor -%}
  {{ return(text.sql) }}
{%- endmacro %}

{% macro dates(days) -%}
{% for day in days %}cast('{{ day }}' as date){{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# how the table is stored where that costs money #}
{% macro kept_by() %}{{ return(adapter.dispatch('kept_by', 'reconcile')()) }}{% endmacro %}
{% macro duckdb__kept_by() %}{{ return('') }}{% endmacro %}
{% macro bigquery__kept_by() -%}
  {%- set cluster, options, labels = config.get('cluster_by'), [], [] -%}
  {%- for name, value in config.get('labels', {}).items() %}{% do labels.append("('" ~ name ~ "', '" ~ value ~ "')") %}{% endfor -%}
  {%- if labels %}{% do options.append('labels = [' ~ labels | join(', ') ~ ']') %}{% endif -%}
  {%- if config.get('require_partition_filter') %}{% do options.append('require_partition_filter = true') %}{% endif -%}
  {{ return(' partition by ' ~ config.meta_require('day') ~ (' cluster by ' ~ cluster | join(', ') if cluster else '') ~ ' options ('
      ~ options | join(', ') ~ ')') }}
{%- endmacro %}

{#
  What each day of one such table was made from, in a table of its own: BigQuery cancels one of two transactions that change the
  same table, whichever rows they change. A transaction writes to one database, so it stands in the model's.
#}
{% macro made_partitions(database, name) -%}
  {{ return(api.Relation.create(database=database, schema=env_var('RECONCILE_SCHEMA_PREFIX', '') ~ 'partitions', identifier='made_' ~ name,
      type='table')) }}
{%- endmacro %}

{% macro keep_partitions() -%}
  {%- if execute -%}
  {%- for database in [target.database, env_var('RECONCILE_FINANCE_DATABASE', target.database)] | unique -%}
    create schema if not exists {{ made_partitions(database, '').without_identifier() }};
  {% endfor -%}
  {%- for node in graph.nodes.values() if node.config.get('meta', {}).get('made_from') -%}
    {%- set database = target.database if node.resource_type == 'test' else node.database -%}
    create table if not exists {{ made_partitions(database, node.alias) }} (recipe string, day date, fingerprint int64);
  {% endfor -%}
  {%- endif -%}
{%- endmacro %}

{# days whose rows are not made from what they would be now, with their calls #}
{% macro stale_days(made, made_from) -%}
with wanted as (select {{ config.meta_require('day') }} as day, fingerprint, calls from {{ made_from }}),
made as (select day, fingerprint from {{ made }}),
changed as (
    select coalesce(wanted.day, made.day) as day, coalesce(wanted.calls, 0) as calls
    from wanted full outer join made on wanted.day = made.day
    where wanted.fingerprint is null or made.fingerprint is null or wanted.fingerprint <> made.fingerprint
)
select day, calls from changed
order by day
{%- endmacro %}

{# oldest first, in batches of about `batch_calls`, so that memory does not grow with history #}
{% macro batched(stale) -%}
  {%- set batches, batch, held = [], [], namespace(calls=0) -%}
  {%- for row in stale -%}
    {%- if batch and held.calls + row[1] > var('batch_calls') %}{% do batches.append(batch | list) %}{% do batch.clear() %}
        {%- set held.calls = 0 %}{% endif -%}
    {%- do batch.append(row[0]) %}{% set held.calls = held.calls + row[1] -%}
  {%- endfor -%}
  {%- if batch %}{% do batches.append(batch) %}{% endif -%}
  {{ return(batches) }}
{%- endmacro %}

{% materialization by_day, supported_languages=['sql'], default %}
  {%- if var('days', []) -%}
    {{ exceptions.raise_compiler_error('`days` is for compiling and for tests: a build finds out by itself which days to make') }}
  {%- endif -%}
  {%- set day = config.meta_require('day') -%}
  {%- set made_from = ref(config.meta_require('made_from')) -%}
  {%- set reads = ref(config.meta_get('reads')) if config.meta_get('reads') else none -%}
  {%- set made = made_partitions(this.database, this.identifier) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set existing = load_cached_relation(this) -%}

  {{ run_hooks(pre_hooks) }}

  {# rows that another text of the project made, or that nothing is known of, are no rows of this one #}
  {% call statement('main', fetch_result=True, auto_begin=False) -%}
    select count(*), count(case when recipe = '{{ var('recipe') }}' then 1 end) from {{ made }}
  {%- endcall %}
  {%- set known, ours = load_result('main').data[0] -%}
  {% if existing is none or not existing.is_table or ours == 0 or known > ours %}
    {% if config.get('contract').enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif %}
    {#
      no transaction: BigQuery's take no DDL, and it replaces no table by one of other partitions. Killed after any of the three, the next
      build makes the table again
    #}
    {% do run_query("delete from " ~ made ~ " where true") %}
    {% if existing is not none %}{% do adapter.drop_relation(existing) %}{% endif %}
    {% do run_query("create or replace table " ~ target_relation ~ kept_by() ~ " as\n" ~ sql ~ "\nlimit 0") %}
    {% do persist_docs(target_relation, model) %}
  {% endif %}

  {%- for days in batched(run_query(stale_days(made, made_from)).rows) -%}
    {%- set named = dates(days) -%}
    {%- if reads -%}
      {%- set found = run_query('select distinct read_day from ' ~ reads ~ ' where ' ~ day ~ ' in (' ~ named
          ~ ') order by 1').columns[0].values() | list -%}
    {%- endif -%}
    {%- set read_days = found or days -%}
    {% do run_query(
      "begin transaction; "
      ~ "delete from " ~ target_relation ~ " where " ~ day ~ " in (" ~ named ~ "); "
      ~ "insert into " ~ target_relation ~ "\n" ~ marked(sql, days, read_days) ~ "\n; "
      ~ "delete from " ~ made ~ " where day in (" ~ named ~ "); "
      ~ "insert into " ~ made ~ " select '" ~ var('recipe') ~ "', " ~ day ~ ", fingerprint from " ~ made_from
      ~ " where " ~ day ~ " in (" ~ named ~ "); "
      ~ "commit") %}
  {%- endfor -%}

  {{ run_hooks(post_hooks) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
