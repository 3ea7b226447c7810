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
