{# Hours as whole numbers since 1970, so that windows of hours and the same hour some weeks before are sums and differences. #}

{% macro hour_index(ts) -%}
({{ days_between("cast('1970-01-01' as date)", 'cast(' ~ ts ~ ' as date)') }} * 24 + {{ idiv(micros_of_day(ts), '3600000000') }})
{%- endmacro %}

{% macro first_hour(day) %}({{ days_between("cast('1970-01-01' as date)", day) }} * 24){% endmacro %}

{# the UTC day an hour is of #}
{% macro day_of_hour(hour) %}{{ add_days("cast('1970-01-01' as date)", idiv(hour, '24')) }}{% endmacro %}

{#
  The hours an hourly run judges: of this week and the one before, as far as they are over and their day is watched. They begin on a
  Monday, so that what began in them keeps its beginning, and its alert its identity, until they are two weeks old.
#}
{% macro judged_hours(hour) -%}
{{ hour }} >= {{ first_hour(add_days("cast('" ~ watched_from() ~ "' as date)", 7 * history_weeks())) }}
    and {{ hour }} < {{ hour_index("cast('" ~ as_of() ~ "' as timestamp)") }}
    and {{ hour }} < {{ first_hour("cast('" ~ watched_until() ~ "' as date)") }}
{%- endmacro %}

{# weeks before whose same weekdays say what is usual #}
{% macro history_weeks() %}{{ return(4) }}{% endmacro %}

{# the weeks before, as rows of a relation, in hours #}
{% macro weeks_before() -%}
(
{%- for week in range(1, history_weeks() + 1) %}select {{ week }} as week, {{ 168 * week }} as hours{{ ' union all ' if not loop.last }}
{%- endfor %}
)
{%- endmacro %}

{# lengths of time, in hours, that are tried for having enough calls to say something, the shortest first #}
{% macro window_hours() %}{{ return([1, 3, 6, 12, 24]) }}{% endmacro %}

{# sums of some columns over the last hours of a series, one for each length of time #}
{% macro trailing_sums(columns, partition) -%}
{% for hours in window_hours() %}{% for column in columns %}
        cast(sum({{ column }}) over (
            partition by {{ partition }} order by hour_index range between {{ hours - 1 }} preceding and current row
        ) as int64) as {{ column }}_{{ hours }}{{ ',' if not loop.last }}{% endfor %}{{ ',' if not loop.last }}{% endfor %}
{%- endmacro %}

{# such sums by length of time, where rows of lengths are beside them as `lengths` #}
{% macro of_length(column) -%}
case lengths.length {% for hours in window_hours() %}when {{ hours }} then {{ column }}_{{ hours }} {% endfor %}end
{%- endmacro %}

{# lengths of time as rows of a relation #}
{% macro lengths(hours) -%}
({% for length in hours %}select {{ length }} as length{{ ' union all ' if not loop.last }}{% endfor %})
{%- endmacro %}
