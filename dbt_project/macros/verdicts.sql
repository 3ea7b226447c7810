{# what to do about a feature where a rule of fct_feature_verdicts applies #}
{% macro verdict_of(rule) -%}
case {{ rule }}
            when 'no_success' then 'investigate'
            when 'dearer_than_its_worth' then 'optimise'
            when 'dearer_than_its_worth_whatever_is_saved' then 'sunset'
            when 'sold_below_cost' then 'reprice'
            when 'one_tenant_costs_most_and_loses' then 'limit'
            when 'wasteful' then 'optimise'
            when 'rising' then 'optimise'
            when 'nobody_says_its_worth' then 'investigate'
            else 'scale'
        end
{%- endmacro %}
