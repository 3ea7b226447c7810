{# The two warehouses differ only here: one entry, one override per warehouse. Everything else is one SQL text. #}

{# numeric(38, 9) on both: BigQuery takes no parameters in CAST #}
{% macro money(x) %}{{ return(adapter.dispatch('money', 'reconcile')(x)) }}{% endmacro %}
{% macro duckdb__money(x) %}cast({{ x }} as numeric(38, 9)){% endmacro %}
{% macro bigquery__money(x) %}cast({{ x }} as numeric){% endmacro %}

{# a binary float, for statistics that are no money #}
{% macro real(x) %}{{ return(adapter.dispatch('real', 'reconcile')(x)) }}{% endmacro %}
{% macro duckdb__real(x) %}cast({{ x }} as double){% endmacro %}
{% macro bigquery__real(x) %}cast({{ x }} as float64){% endmacro %}

{# integer division, truncating; parts in double parentheses because the BigQuery emulator drops single ones #}
{% macro idiv(a, b) %}{{ return(adapter.dispatch('idiv', 'reconcile')(a, b)) }}{% endmacro %}
{% macro duckdb__idiv(a, b) %}(({{ a }}) // ({{ b }})){% endmacro %}
{% macro bigquery__idiv(a, b) %}div(({{ a }}), ({{ b }})){% endmacro %}

{# whole numbers wider than INT64, for one multiplication before a division #}
{% macro wide(x) %}{{ return(adapter.dispatch('wide', 'reconcile')(x)) }}{% endmacro %}
{% macro duckdb__wide(x) %}cast({{ x }} as hugeint){% endmacro %}
{% macro bigquery__wide(x) %}cast({{ x }} as bignumeric){% endmacro %}

{# rows of an array column, beside the row that holds it #}
{% macro unnested(array, alias) %}{{ return(adapter.dispatch('unnested', 'reconcile')(array, alias)) }}{% endmacro %}
{% macro duckdb__unnested(array, alias) %}cross join unnest({{ array }}) as {{ alias }}_rows({{ alias }}){% endmacro %}
{% macro bigquery__unnested(array, alias) %}cross join unnest({{ array }}) as {{ alias }}{% endmacro %}

{# some columns of a relation, once per element of an array column of it; on DuckDB a join with its own array would be a real join #}
{% macro exploded(relation, columns, array, alias) -%}
  {{ return(adapter.dispatch('exploded', 'reconcile')(relation, columns, array, alias)) }}
{%- endmacro %}
{% macro duckdb__exploded(relation, columns, array, alias) -%}
  (select {{ columns }}, unnest({{ array }}) as {{ alias }} from {{ relation }})
{%- endmacro %}
{% macro bigquery__exploded(relation, columns, array, alias) -%}
  (select {{ columns }}, {{ alias }} from {{ relation }} cross join unnest({{ array }}) as {{ alias }})
{%- endmacro %}

{# nanos as money; on DuckDB the product of whole nanos and a number of nine places needs no rescaling #}
{% macro from_nanos(n) %}{{ return(adapter.dispatch('from_nanos', 'reconcile')(n)) }}{% endmacro %}
{% macro duckdb__from_nanos(n) -%}
  cast(cast({{ n }} as decimal(38, 0)) * cast('0.000000001' as decimal(9, 9)) as numeric(38, 9))
{%- endmacro %}
{% macro bigquery__from_nanos(n) %}{{ return(money(money(n) ~ ' * ' ~ money("'0.000000001'"))) }}{% endmacro %}

{# microseconds since the UTC midnight before #}
{% macro micros_of_day(ts) %}{{ return(adapter.dispatch('micros_of_day', 'reconcile')(ts)) }}{% endmacro %}
{% macro duckdb__micros_of_day(ts) %}mod(epoch_us({{ ts }}), 86400000000){% endmacro %}
{% macro bigquery__micros_of_day(ts) %}mod(unix_micros({{ ts }}), 86400000000){% endmacro %}

{# microseconds from midnight to a time of day written HH:MM #}
{% macro micros_of_clock(clock) -%}
  ((cast(substr({{ clock }}, 1, 2) as int64) * 60 + cast(substr({{ clock }}, 4, 2) as int64)) * 60000000)
{%- endmacro %}

{# whether a time of day lies in a half-open part of the day, which may lie over midnight #}
{% macro within_hours(clock, begin, end) -%}
case when {{ begin }} < {{ end }} then {{ clock }} >= {{ begin }} and {{ clock }} < {{ end }}
    else {{ clock }} >= {{ begin }} or {{ clock }} < {{ end }} end
{%- endmacro %}

{# least number of characters to insert, leave out or change to make one text the other #}
{% macro edit_distance(left, right) %}{{ return(adapter.dispatch('edit_distance', 'reconcile')(left, right)) }}{% endmacro %}
{% macro duckdb__edit_distance(left, right) %}levenshtein({{ left }}, {{ right }}){% endmacro %}
{% macro bigquery__edit_distance(left, right) %}edit_distance({{ left }}, {{ right }}){% endmacro %}

{# the timestamp of an hour told as hours since 1970 #}
{% macro hour_at(hour) %}{{ return(adapter.dispatch('hour_at', 'reconcile')(hour)) }}{% endmacro %}
{% macro duckdb__hour_at(hour) %}make_timestamp(({{ hour }}) * 3600000000){% endmacro %}
{% macro bigquery__hour_at(hour) %}timestamp_micros(({{ hour }}) * 3600000000){% endmacro %}

{# whole days from one date to a later one #}
{% macro days_between(earlier, later) %}{{ return(adapter.dispatch('days_between', 'reconcile')(earlier, later)) }}{% endmacro %}
{% macro duckdb__days_between(earlier, later) %}date_diff('day', {{ earlier }}, {{ later }}){% endmacro %}
{% macro bigquery__days_between(earlier, later) %}date_diff({{ later }}, {{ earlier }}, day){% endmacro %}

{% macro add_days(day, n) %}{{ return(adapter.dispatch('add_days', 'reconcile')(day, n)) }}{% endmacro %}
{% macro duckdb__add_days(day, n) %}cast({{ day }} + cast({{ n }} as integer) as date){% endmacro %}
{% macro bigquery__add_days(day, n) %}date_add({{ day }}, interval {{ n }} day){% endmacro %}

{% macro month_of(day) %}{{ return(adapter.dispatch('month_of', 'reconcile')(day)) }}{% endmacro %}
{% macro duckdb__month_of(day) %}cast(date_trunc('month', {{ day }}) as date){% endmacro %}
{% macro bigquery__month_of(day) %}cast(date_trunc({{ day }}, month) as date){% endmacro %}

{# the Monday of a day's week #}
{% macro week_of(day) %}{{ add_days(day, '-(' ~ weekday(day) ~ ')') }}{% endmacro %}

{# the first day of the month before, and after, a month's first day #}
{% macro month_before(month) %}{{ return(adapter.dispatch('months_on', 'reconcile')(month, -1)) }}{% endmacro %}
{% macro month_after(month) %}{{ return(adapter.dispatch('months_on', 'reconcile')(month, 1)) }}{% endmacro %}
{% macro duckdb__months_on(month, n) %}cast({{ month }} + interval ({{ n }}) month as date){% endmacro %}
{% macro bigquery__months_on(month, n) %}date_add({{ month }}, interval {{ n }} month){% endmacro %}

{# every date of a half-open range, as rows of a column #}
{% macro days_of(first, last_exclusive, alias) -%}
  {{ return(adapter.dispatch('days_of', 'reconcile')(first, last_exclusive, alias)) }}
{%- endmacro %}
{% macro duckdb__days_of(first, last_exclusive, alias) -%}
  cross join unnest(generate_series(cast({{ first }} as timestamp), cast({{ last_exclusive }} as timestamp) - interval 1 day,
      interval 1 day)) as {{ alias }}_rows({{ alias }})
{%- endmacro %}
{% macro bigquery__days_of(first, last_exclusive, alias) -%}
  cross join unnest(generate_date_array({{ first }}, date_sub({{ last_exclusive }}, interval 1 day))) as {{ alias }}
{%- endmacro %}

{# one value of a JSON object held as text, null when absent #}
{% macro json_text(json, name) %}{{ return(adapter.dispatch('json_text', 'reconcile')(json, name)) }}{% endmacro %}
{% macro duckdb__json_text(json, name) %}json_extract_string({{ json }}, concat('$."', {{ name }}, '"')){% endmacro %}
{% macro bigquery__json_text(json, name) %}json_value(parse_json({{ json }})[{{ name }}]){% endmacro %}

{# rows of an array column with their place, first to last #}
{% macro unnested_in_order(array, alias, place) -%}
  {{ return(adapter.dispatch('unnested_in_order', 'reconcile')(array, alias, place)) }}
{%- endmacro %}
{% macro duckdb__unnested_in_order(array, alias, place) -%}
  cross join unnest({{ array }}) with ordinality as {{ alias }}_rows({{ alias }}, {{ place }})
{%- endmacro %}
{% macro bigquery__unnested_in_order(array, alias, place) -%}
  cross join unnest({{ array }}) as {{ alias }} with offset as {{ place }}
{%- endmacro %}

{#
  63 or 64 bits that tell rows apart cheaply inside one store: never an identity of a finance table, and wherever two rows could
  share one, the columns themselves decide or a test compares them
#}
{% macro fingerprint(columns) %}{{ return(adapter.dispatch('fingerprint', 'reconcile')(columns)) }}{% endmacro %}
{#
  hashed once more: DuckDB's hash of several values differs by the same bits whenever the last one changes from a to b, whatever the others
  are, so that in an exclusive or over rows two that change alike would cancel each other
#}
{% macro duckdb__fingerprint(columns) %}cast(hash(hash({{ columns | join(', ') }})) >> 1 as bigint){% endmacro %}
{% macro bigquery__fingerprint(columns) %}farm_fingerprint({{ key_text(columns) }}){% endmacro %}

{# whether a call's usage may name a meter more than once; on DuckDB it may in any of more than four elements, to spare the list a lambda #}
{% macro may_repeat_meter(usage) %}{{ return(adapter.dispatch('may_repeat_meter', 'reconcile')(usage)) }}{% endmacro %}
{% macro duckdb__may_repeat_meter(usage) -%}
  {%- set pairs = [] -%}
  {%- for left, right in [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)] %}
      {%- do pairs.append(usage ~ '[' ~ left ~ '].meter = ' ~ usage ~ '[' ~ right ~ '].meter') %}{% endfor -%}
  coalesce(array_length({{ usage }}) > 4 or {{ pairs | join(' or ') }}, false)
{%- endmacro %}
{% macro bigquery__may_repeat_meter(usage) -%}
  array_length({{ usage }}) > (select count(distinct element.meter) from unnest({{ usage }}) as element)
{%- endmacro %}

{# the hex digest whose digits are three whole numbers: its first 15, the next 15, the last two. The first two sort as the digest does #}
{% macro digest_of(high, low, tail) %}{{ return(adapter.dispatch('digest_of', 'reconcile')(high, low, tail)) }}{% endmacro %}
{% macro duckdb__digest_of(high, low, tail) %}printf('%015x%015x%02x', {{ high }}, {{ low }}, {{ tail }}){% endmacro %}
{% macro bigquery__digest_of(high, low, tail) %}format('%015x%015x%02x', {{ high }}, {{ low }}, {{ tail }}){% endmacro %}

{# BigQuery refuses parameters in CAST, and contracts emit them #}
{% macro bigquery__cast(expression, data_type) -%}
cast({{ expression }} as {{ 'numeric' if data_type | lower | replace(' ', '') == 'numeric(38,9)' else data_type }})
{%- endmacro %}
