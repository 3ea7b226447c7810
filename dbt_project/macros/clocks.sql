{#
  What another run tells anew, read when SQL is compiled: dbt parses every file again that read another value when it was parsed, and the
  whole project where a variable differs
#}
{% macro told_by_run(name, otherwise) -%}{{ return(env_var(name, otherwise) if execute else otherwise) }}{%- endmacro %}

{# the knowledge cut-off #}
{% macro as_of() -%}{{ return(told_by_run('RECONCILE_AS_OF', '2026-01-01 00:00:00')) }}{%- endmacro %}

{# its UTC day; BigQuery reads no DATE from a text that tells a time #}
{% macro as_of_day() %}cast(cast('{{ as_of() }}' as timestamp) as date){% endmacro %}

{# first day of the hourly watch, a Monday: late spans of older days are not all of those days #}
{% macro watched_from() -%}{{ return(told_by_run('RECONCILE_WATCHED_FROM', '0001-01-01')) }}{%- endmacro %}

{# whether what is built is the hourly watch #}
{% macro is_watch() %}{{ return(env_var('RECONCILE_WATCHED_FROM', '') != '') }}{% endmacro %}

{# the day after the last one of it #}
{% macro watched_until() -%}{{ return(told_by_run('RECONCILE_WATCHED_UNTIL', '9999-12-31')) }}{%- endmacro %}
