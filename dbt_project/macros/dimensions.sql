{# The key dimensions of rule R8, in key order. Every list of dimensions in the project comes from here. #}
{% macro owner_dimensions() %}{{ return(['billing_account_id', 'sub_account_id', 'api_key_id']) }}{% endmacro %}
{% macro price_dimensions() -%}
  {{ return(['service_tier', 'batch', 'context_band', 'geography', 'region', 'speed', 'modality', 'cache_ttl']) }}
{%- endmacro %}
{# the price-setting dimensions as far as the source's bill tells them, in cells of both sides #}
{% macro told_dimensions() -%}
  {%- set told = [] -%}
  {%- for dimension in price_dimensions() %}{% do told.append('told_' ~ dimension) %}{% endfor -%}
  {{ return(told) }}
{%- endmacro %}
{% macro key_dimensions() %}{{ return(['source'] + owner_dimensions() + ['model', 'meter'] + price_dimensions()) }}{% endmacro %}

{# what billed and expected cost are held against each other by (R19, R25): the account and nothing below; a month-long line has no day #}
{% macro reconciliation_dimensions() -%}
  {{ return(['source', 'billing_account_id', 'model', 'meter'] + told_dimensions() + ['charge_day', 'charge_month']) }}
{%- endmacro %}

{# the dimensions all usages of one call have in common #}
{% macro call_price_dimensions() %}{{ return(['service_tier', 'batch', 'context_band', 'geography', 'region', 'speed']) }}{% endmacro %}
{% macro call_dimensions() -%}
{{ return(['charge_day', 'source'] + owner_dimensions() + ['model'] + call_price_dimensions() + ['price_hour', 'estimated', 'other_day',
    'sampling_probability_millionths']) }}
{%- endmacro %}

{# what a provider means when it leaves a price-setting dimension out; an assumed value is a value and meets only itself #}
{% macro dimension_default(dimension) -%}
  {%- set defaults = {'service_tier': "'standard'", 'batch': "'false'", 'context_band': "'standard'", 'geography': "'global'",
      'region': "'(default)'", 'speed': "'standard'", 'modality': "'text'"} -%}
  {%- if dimension == 'cache_ttl' -%}case when meter = 'cache_write_input_tokens' then '5m' else '(none)' end
  {%- else -%}{{ defaults[dimension] }}{%- endif -%}
{%- endmacro %}

{#
  which price-setting dimensions were assumed, one bit each in the order of the list (R8): what a telling left out has the provider's
  default
#}
{% macro assumed_bit(dimension, missing) -%}
  case when {{ missing }} then {{ 2 ** price_dimensions().index(dimension) }} else 0 end
{%- endmacro %}
{% macro is_assumed(bits, dimension) %}mod({{ idiv(bits, 2 ** price_dimensions().index(dimension)) }}, 2) = 1{% endmacro %}

{# their names, null where nothing was assumed #}
{% macro assumed_names(bits, dimensions) -%}
  {%- set parts = [] -%}
  {%- for dimension in dimensions %}
      {%- do parts.append("case when " ~ is_assumed(bits, dimension) ~ " then '" ~ dimension ~ " ' else '' end") %}{% endfor -%}
  nullif(trim(concat({{ parts | join(', ') }})), '')
{%- endmacro %}

{% macro listed(columns, prefix='') -%}
{% for column in columns %}{{ prefix }}{{ column }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# key order: bytewise, null last #}
{% macro ordered(columns, prefix='') -%}
{% for column in columns %}{{ prefix }}{{ column }} nulls last{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# meters of input that went through a cache, in the order stage cache takes them (R9) #}
{% macro cached_meters() %}{{ return(['cache_read_input_tokens', 'cache_write_input_tokens']) }}{% endmacro %}

{% macro quoted(names) -%}
{% for name in names %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# how far a row's owner is known: 3 key, 2 project, 1 account, 0 none #}
{% macro depth() -%}
case when api_key_id is not null then 3 when sub_account_id is not null then 2 when billing_account_id is not null then 1 else 0 end
{%- endmacro %}

{#
  what a cell tells of its owner and of what is counted, for every depth at which two can meet (R9): <name>_0 none … <name>_3 key; null
  where `takes_part` does not hold. What knows a project but no account can meet any account: where both know the project
  `account_of_project` is compared, and where one does not, <name>_1 is null.
#}
{% macro group_keys(name, told, takes_part=none, account_of_project='billing_account_id') -%}
  {%- for depth in range(4) -%}
    {%- set owners = [account_of_project if depth > 1 else 'billing_account_id'] + owner_dimensions()[1:] -%}
    {%- set conditions = [takes_part] if takes_part else [] -%}
    {%- if depth == 1 %}{% do conditions.append('billing_account_id is not null') %}{% endif -%}
    {%- set value = key(told + owners[:depth]) %}
    {{ 'case when ' ~ conditions | join(' and ') ~ ' then ' ~ value ~ ' end' if conditions else value }} as {{ name }}_{{ depth }}
    {{- ',' if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{#
  who emitted a telling, as the lake's emitters name it (R8, R31); and all that decides where a call is placed and how its counts are read
#}
{% macro emitted_by() %}{{ return(['telemetry_source', 'scope_name', 'scope_version', 'provider', 'operation']) }}{% endmacro %}
{% macro emitter_columns() %}{{ return(emitted_by() + ['endpoint'] + owner_dimensions() + ['model']) }}{% endmacro %}
