{# What unit costs are told by: name of the slice, and the column of fct_outcome_day that is its value; `all` is one row #}
{% macro unit_slices() -%}
  {{ return({'all': none, 'tenant': 'tenant_id', 'feature': 'feature_id', 'workflow': 'workflow', 'prompt_version': 'prompt_version',
      'segment': 'segment', 'model_route': 'model_route', 'environment': 'environment', 'data_mode': 'data_mode'}) }}
{%- endmacro %}

{# the slices as rows, to be joined to what is told in each of them #}
{% macro slices_of(slices) -%}
({% for name in slices %}select '{{ name }}' as slice{{ ' union all ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# the columns slices are told by #}
{% macro columns_of(slices) %}{{ return(slices.values() | select | list) }}{% endmacro %}

{# where calls were made is told of all of them: that is what such a slice is for. Every other slice is of production only (R7) #}
{% macro told_in_slice() %}(production or slice in ('environment', 'data_mode')){% endmacro %}

{# the value of a row in its slice #}
{% macro slice_value(slices) -%}
case slice {% for name, column in slices.items() if column %}when '{{ name }}' then coalesce({{ column }}, '(none)') {% endfor %}
        else 'all' end
{%- endmacro %}

{% macro unit_counts() -%}
  {{ return(['events', 'successes', 'failures', 'partials', 'pending', 'abandoned', 'unobserved_events', 'unobserved_successes',
      'attempts']) }}
{%- endmacro %}
{% macro unit_amounts() -%}
  {{ return(['event_cost', 'resolved_cost', 'cost_of_successes', 'accrued_cost', 'waste_cost', 'retry_overhead', 'fallback_overhead']) }}
{%- endmacro %}

{#
  The sums of every slice and period; `period` is an expression over the day on which events were resolved. What is alike in all that slices
  are told by is summed first: ten slices then read few rows, where users or days would make as many as there are events
#}
{% macro unit_sums(period, slices) -%}
    select
        period, slice, {{ slice_value(slices) }} as slice_value,
        {% for count in unit_counts() %}{{ isum(count) }} as {{ count }}, {% endfor %}
        {% for amount in unit_amounts() %}{{ nanos('sum(' ~ amount ~ ')') }} as {{ amount }}_nanos{{ ', ' if not loop.last }}{% endfor %}
    from (
        select
            {{ period }} as period, production, {{ listed(columns_of(slices)) }},
            {% for count in unit_counts() %}{{ isum(count) }} as {{ count }}, {% endfor %}
            {% for amount in unit_amounts() %}sum({{ amount }}) as {{ amount }}{{ ', ' if not loop.last }}{% endfor %}
        from {{ ref('fct_outcome_day') }}
        group by period, production, {{ listed(columns_of(slices)) }}
    ) as alike
    cross join {{ slices_of(slices) }} as slices
    where {{ told_in_slice() }}
    group by 1, 2, 3
{%- endmacro %}

{# the figures of one row of sums (R24) #}
{% macro unit_figures(sums) -%}
        {{ listed(unit_counts(), sums ~ '.') }},
        {% for amount in ['event_cost', 'cost_of_successes', 'accrued_cost'] %}
        {{- from_nanos(sums ~ '.' ~ amount ~ '_nanos') }} as {{ amount }},
        {% endfor %}
        {{- per(sums ~ '.event_cost_nanos', sums ~ '.events') }} as cost_per_event,
        {{ per(sums ~ '.resolved_cost_nanos', sums ~ '.successes') }} as cost_per_success,
        {{ per(sums ~ '.cost_of_successes_nanos', sums ~ '.successes') }} as cost_per_successful_event,
        {{ per('2 * ' ~ sums ~ '.resolved_cost_nanos', '2 * ' ~ sums ~ '.successes + ' ~ sums ~ '.partials') }}
            as cost_per_weighted_success,
        {{ per(sums ~ '.event_cost_nanos', sums ~ '.successes') }} as all_in_cost_per_success,
        {{ per('2 * ' ~ sums ~ '.resolved_cost_nanos',
            '2 * (' ~ sums ~ '.successes + ' ~ sums ~ '.unobserved_successes) + ' ~ sums ~ '.partials') }} as cost_per_success_low,
        {{ per(sums ~ '.event_cost_nanos + ' ~ sums ~ '.accrued_cost_nanos', sums ~ '.successes') }} as cost_per_success_high,
        {{ share(sums ~ '.pending', sums ~ '.events') }} as pending_share,
        {{ share(sums ~ '.attempts', sums ~ '.successes') }} as attempts_per_success,
        {% for amount in ['retry_overhead', 'fallback_overhead', 'waste_cost'] %}
        {{- from_nanos(sums ~ '.' ~ amount ~ '_nanos') }} as {{ amount }},
        {% endfor %}
        {{- share(sums ~ '.waste_cost_nanos', sums ~ '.event_cost_nanos') }} as waste_share
{%- endmacro %}
