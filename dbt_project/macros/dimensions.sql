{# The key dimensions of rule R8, in key order. Every list of dimensions in the project comes from here. #}
{% macro owner_dimensions() %}{{ return(['billing_account_id', 'sub_account_id', 'api_key_id']) }}{% endmacro %}
{% macro price_dimensions() %}{{ return(['service_tier', 'batch', 'context_band', 'geography', 'region', 'speed', 'modality', 'cache_ttl']) }}{% endmacro %}
{% macro key_dimensions() %}{{ return(['source'] + owner_dimensions() + ['model', 'meter'] + price_dimensions()) }}{% endmacro %}

{# the dimensions all usages of one call have in common #}
{% macro call_price_dimensions() %}{{ return(['service_tier', 'batch', 'context_band', 'geography', 'region', 'speed']) }}{% endmacro %}
{% macro call_dimensions() -%}
{{ return(['charge_day', 'source'] + owner_dimensions() + ['model'] + call_price_dimensions() + ['estimated', 'midnight', 'sampling_probability_millionths']) }}
{%- endmacro %}

{# what a provider means when it leaves a price-setting dimension out; an assumed value is a value and meets only itself #}
{% macro dimension_default(dimension) -%}
  {%- set defaults = {'service_tier': "'standard'", 'batch': "'false'", 'context_band': "'standard'", 'geography': "'global'", 'region': "'(default)'", 'speed': "'standard'", 'modality': "'text'"} -%}
  {%- if dimension == 'cache_ttl' -%}case when meter = 'cache_write_input_tokens' then '5m' else '(none)' end
  {%- else -%}{{ defaults[dimension] }}{%- endif -%}
{%- endmacro %}

{% macro listed(columns, prefix='') -%}
{% for column in columns %}{{ prefix }}{{ column }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# key order: bytewise, null last #}
{% macro ordered(columns, prefix='') -%}
{% for column in columns %}{{ prefix }}{{ column }} nulls last{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# how far a row's owner is known: 3 key, 2 project, 1 account, 0 none #}
{% macro depth() -%}
case when api_key_id is not null then 3 when sub_account_id is not null then 2 when billing_account_id is not null then 1 else 0 end
{%- endmacro %}

{#
  what a row of a bill or a usage tells, for every depth at which the two can meet (R9): group_0 none … group_3 key.
  `account_of_project` is the account compared where both sides know the project.
#}
{% macro group_keys(account_of_project='billing_account_id') -%}
  {%- set told = ['source', 'model', 'meter'] -%}
  {%- for dimension in price_dimensions() %}{% do told.append('told_' ~ dimension) %}{% endfor -%}
  {%- for depth in range(4) %}
        {{ key(told + owner_dimensions()[:depth]) if depth < 2 else key(told + [account_of_project] + owner_dimensions()[1:depth]) }} as group_{{ depth }}{{ ',' if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{# all that decides where a call is placed #}
{% macro emitter_columns() %}{{ return(['provider', 'endpoint'] + owner_dimensions() + ['model']) }}{% endmacro %}
