{#
  What is usual is a median, in whole numbers: half of the days lie above it, half below, so that one bad day moves nothing. Of an even
  number of values it is the mean of the two in the middle, cut to a whole number.
#}

{# `rank` is the place of a value among `rows` values in their order, from 1 #}
{% macro median_of(value, rank, rows) -%}
  {%- set middle = rank ~ ' = ' ~ idiv(rows ~ ' + 1', '2') ~ ' or ' ~ rank ~ ' = ' ~ idiv(rows ~ ' + 2', '2') -%}
{{ idiv(isum('case when ' ~ middle ~ ' then ' ~ value ~ ' end'), 'count(case when ' ~ middle ~ ' then 1 end)') }}
{%- endmacro %}

{# 0 for Monday to 6 for Sunday #}
{% macro weekday(day) %}mod({{ days_between("cast('1900-01-01' as date)", day) }}, 7){% endmacro %}
