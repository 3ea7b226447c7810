{# states of a budget above `ok`, the highest first, with the column of int_budgets that is its share of the amount; none is all of it #}
{% macro budget_states() %}{{ return({'exceeded': none, 'spend_alert': 'alert_nanos', 'warning': 'warning_nanos'}) }}{% endmacro %}

{# whether what is spent has reached a state; an amount is exceeded by what is above it, a share is reached by what equals it #}
{% macro reached_of_budget(spent, share, budgets) -%}
  {%- if share is none -%}{{ spent }} > {{ budgets }}.amount_nanos
  {%- else -%}{{ wide(spent) }} * 1000000000 >= {{ wide(budgets ~ '.amount_nanos') }} * {{ budgets }}.{{ share }}{%- endif -%}
{%- endmacro %}

{# what a budget may be of, with the column that names whose #}
{% macro budget_scopes() -%}
{{ return({'all': "'all'", 'tenant': 'tenant_id', 'feature': 'feature_id', 'segment': 'segment'}) }}
{%- endmacro %}

{#
  the rows of `budgets` that are in force in each of `months` (each once): of a scope the month's own, else the one of every month, which
  is in force in the months that `every_month_in` is true of
#}
{% macro budgets_in_force(budgets, months, every_month_in='true') -%}
select * from (
        select
            budgets.* replace (months.month as month),
            row_number() over (
                partition by budgets.scope, budgets.scope_value, months.month order by budgets.month nulls last
            ) as place
        from {{ budgets }} as budgets
        cross join {{ months }} as months
        where budgets.month = months.month or budgets.month is null and {{ every_month_in }}
    ) as placed
    where place = 1
{%- endmacro %}
