{#
  Coverage beside a row (R28): of its own scope (`own`) and of its month (`months`), relations of int_coverage joined to it, and the
  one that stands: the lower, of what is estimated the higher; where one is not known, the other.
#}
{% macro coverage_columns() -%}
  {%- set columns = [] -%}
  {%- for part in ['attributed', 'reconciled', 'estimated'] %}{% for prefix in ['', 'own_', 'month_'] %}
      {%- do columns.append(prefix ~ 'share_' ~ part) %}{% endfor %}{% endfor -%}
  {{ return(columns) }}
{%- endmacro %}

{% macro coverage_beside(own, months) -%}
{% for part, pick in [('attributed', 'least'), ('reconciled', 'least'), ('estimated', 'greatest')] -%}
  {%- set mine, whole = own ~ '.share_' ~ part, months ~ '.share_' ~ part -%}
        {{ pick }}(coalesce({{ mine }}, {{ whole }}), coalesce({{ whole }}, {{ mine }})) as share_{{ part }},
        {{ mine }} as own_share_{{ part }}, {{ whole }} as month_share_{{ part }}{{ ',\n' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{#
  whether a row's revenue is known and its coverage at the gate (R28); the period's own close is not built, so nothing is more than this.
  `least_of` names the shares that must all be at the gate, where it is not the one that stands
#}
{% macro status_of(row, least_of=['share']) -%}
  {%- set gate, met = from_nanos(var('coverage_gate_millionths') ~ ' * 1000'), [] -%}
  {%- for share in least_of %}{% for part in ['attributed', 'reconciled'] %}
      {%- do met.append(row ~ '.' ~ share ~ '_' ~ part ~ ' >= ' ~ gate) %}{% endfor %}{% endfor -%}
case when {{ row }}.revenue_complete and {{ met | join(' and ') }} then 'preliminary' else 'provisional' end
{%- endmacro %}
