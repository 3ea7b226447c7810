{#
  What an invoice and its export may differ by (R20, FOCUS): 100 of the currency's least unit, or half of one times the square root of the
  export's rows. It is a limit and no money, so its root may be a binary float, rounded where both warehouses agree
#}
{% macro invoice_tolerance(rows, currency) -%}
{{ money('greatest(100, round(sqrt(' ~ rows ~ ') / 2, 6)) * ' ~ least_unit(currency)) }}
{%- endmacro %}

{# the least unit of a currency, ISO 4217: a hundredth, but for those that have none or three decimals #}
{% macro least_unit(currency) -%}
case
        when {{ currency }} in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF',
            'XPF') then {{ money("'1'") }}
        when {{ currency }} in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then {{ money("'0.001'") }}
        else {{ money("'0.01'") }} end
{%- endmacro %}
