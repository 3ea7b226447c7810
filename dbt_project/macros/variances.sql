{# what a difference between bill and telemetry is made of, in the order that decides between equal ones (R19) #}
{% macro variance_components() -%}
{{ return(['duplicate', 'missing_telemetry', 'missing_charge', 'timing', 'quantity', 'cache_semantics', 'tier', 'price', 'aborted_stream',
    'fx', 'tax', 'credit',
  'fees', 'unpriced', 'rounding', 'unexplained']) }}
{%- endmacro %}
