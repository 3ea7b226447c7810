{# Integers carry the money (rule R17): nanos of currency, quantities at the meter's fixed scale. #}

{# of a sum rather than of its rows where there are many: DuckDB takes fifty times as long for it as for adding an amount #}
{% macro nanos(x) %}cast(({{ x }}) * 1000000000 as int64){% endmacro %}

{#
  nanos of an amount at a rate, rounded once, half away from zero (R3): the amount as `whole` nanos and `beyond` in 10⁻²⁷, both of its
  `sign`, the rate in nanos. Their product would not fit in one number
#}
{% macro converted(whole, beyond, rate, sign) -%}
({{ idiv(wide(whole) ~ ' * ' ~ rate, '1000000000') }}
    + {{ idiv('(' ~ wide(whole) ~ ' * ' ~ rate ~ ' - ' ~ idiv(wide(whole) ~ ' * ' ~ rate, '1000000000')
        ~ ' * 1000000000) * 1000000000000000000 + '
        ~ wide(beyond) ~ ' * ' ~ rate ~ ' + ' ~ wide(sign) ~ ' * ' ~ wide("'500000000000000000000000000'"),
        wide("'1000000000000000000000000000'")) }})
{%- endmacro %}

{# the same of an amount rounded to nanos and what rounding took, in 10⁻²⁷, which may be of the other sign #}
{% macro converted_nanos(nanos, residual, rate) -%}
  {%- set sign = 'case when ' ~ nanos ~ ' < 0 or ' ~ nanos ~ ' = 0 and ' ~ residual ~ ' < 0 then -1 else 1 end' -%}
  {%- set borrowed = 'case when ' ~ nanos ~ ' > 0 and ' ~ residual ~ ' < 0 then 1 when ' ~ nanos ~ ' < 0 and ' ~ residual
      ~ ' > 0 then -1 else 0 end' -%}
{{ converted('(' ~ nanos ~ ' - (' ~ borrowed ~ '))', '(' ~ residual ~ ' + (' ~ borrowed ~ ') * 1000000000000000000)', rate, sign) }}
{%- endmacro %}

{# integer sum that stays INT64 on both warehouses (DuckDB widens); an overflow is an error, never a wrap #}
{% macro isum(x) %}cast(sum({{ x }}) as int64){% endmacro %}

{% macro running(x, partition, order) -%}
cast(sum({{ x }}) over (partition by {{ partition }} order by {{ order }} rows between unbounded preceding and current row) as int64)
{%- endmacro %}

{#
  carve (R17): p = ⌈|B| · 10¹² / D⌉ kept as p0 · 10¹² + p1 · 10⁶ + p2, so that C(u) = min(|B|, ⌊p · u / 10¹²⌋) needs INT64 only
  while D ≤ 9 · 10¹² and |B| ≤ 9 · 10¹⁸ nanos. `unit_price` emits the three parts, `carved_to` is C(u), `carved` one share.
#}
{% macro unit_price(amount, whole, name) -%}
{{ idiv(amount, whole) }} as {{ name }}_0,
    {{ idiv('mod(' ~ amount ~ ', ' ~ whole ~ ') * 1000000', whole) }} as {{ name }}_1,
    {{ idiv('mod(mod(' ~ amount ~ ', ' ~ whole ~ ') * 1000000, ' ~ whole ~ ') * 1000000 + ' ~ whole ~ ' - 1', whole) }} as {{ name }}_2
{%- endmacro %}

{% macro carved_to(u, amount, name) -%}
least({{ amount }},
    {{ name }}_0 * ({{ u }}) + {{ idiv(name ~ '_1 * (' ~ u ~ ') + ' ~ idiv(name ~ '_2 * (' ~ u ~ ')', '1000000'), '1000000') }})
{%- endmacro %}

{% macro carved(low, high, amount, name) -%}
({{ carved_to(high, amount, name) }} - {{ carved_to(low, amount, name) }})
{%- endmacro %}

{#
  The rows of a relation that have weight, each with its `share`: a signed `amount` carved by whole-number `weight` over the rows it has in
  common, named by `over`, in the order of `order`, which must tell these rows apart. An amount is the same in all its rows; what no row has
  weight for is not here.
#}
{% macro carved_by_weight(relation, over, order) -%}
(
    select *, {{ sign_of('amount') }} * {{ carved('up_to - weight', 'up_to', 'abs(amount)', 'p') }} as share
    from (
        select *, {{ unit_price('abs(amount)', 'whole', 'p') }}
        from (
            select *, {{ running('weight', over, order) }} as up_to, cast(sum(weight) over (partition by {{ over }}) as int64) as whole
            from {{ relation }}
            where weight > 0
        ) as placed
    ) as priced
)
{%- endmacro %}

{# identity of a row from its columns: lengths keep 'a|b','c' apart from 'a','b|c' #}
{% macro key(columns) -%}{{ return(dbt.hash(key_text(columns))) }}{%- endmacro %}

{% macro key_text(columns) -%}
  {%- set parts = [] -%}
  {%- for column in columns -%}
    {%- do parts.append("coalesce(cast(length(" ~ text(column) ~ ") as string) || ':' || " ~ text(column) ~ ", '-')") -%}
  {%- endfor -%}
  {{ return(parts | join(" || ")) }}
{%- endmacro %}

{% macro text(x) %}cast({{ x }} as string){% endmacro %}

{# absolute value and sign, split before any integer division #}
{% macro sign_of(n) %}(case when {{ n }} < 0 then -1 else 1 end){% endmacro %}

{# whole micro-units of currency in nanos, rounded down, never negative: the weight of R6, R10, R15 and stage 2 #}
{% macro micro_weight(n) %}greatest(0, {{ idiv(n, '1000') }}){% endmacro %}

{# value in micro-units, rounded down, of a quantity at the meter's scale: price is per million units, so units × price are micro-units #}
{% macro micro_value(quantity, scale_factor, price) -%}
{{ idiv('cast(floor(' ~ money(money(quantity) ~ ' * ' ~ price) ~ ') as int64)', scale_factor) }}
{%- endmacro %}

{# the same value in nanos, rounded half away from zero (quantities here are never negative) #}
{% macro nano_value(quantity, scale_factor, price) %}{{ return(nano_product(quantity, scale_factor, nanos(price))) }}{% endmacro %}

{# the same of a price in nanos; wide only where INT64 could overflow #}
{% macro nano_product(quantity, scale_factor, price) -%}
case
    when {{ quantity }} <= 1000000 and {{ price }} <= 1000000000000
        then {{ idiv(quantity ~ ' * ' ~ price ~ ' + 500000 * ' ~ scale_factor, '1000000 * ' ~ scale_factor) }}
    else cast({{ idiv(wide(quantity) ~ ' * ' ~ price ~ ' + 500000 * ' ~ scale_factor, '1000000 * ' ~ scale_factor) }} as int64)
end
{%- endmacro %}

{# an amount in nanos times a fraction of whole numbers, rounded half away from zero; null where the denominator is 0 #}
{% macro nano_fraction(amount, numerator, denominator) -%}
  {%- set product = wide(amount) ~ ' * ' ~ numerator -%}
case
    when {{ denominator }} <> 0
        then {{ sign_of(amount) }} * {{ sign_of(numerator) }} * {{ sign_of(denominator) }}
            * cast({{ idiv('2 * abs(' ~ product ~ ') + abs(' ~ wide(denominator) ~ ')', '2 * abs(' ~ wide(denominator) ~ ')') }} as int64)
end
{%- endmacro %}

{# a ratio of two sums, cut at nine decimals; null when the whole is not positive, since a share of nothing is not known #}
{% macro share(part, whole) -%}
case when ({{ whole }}) > 0 then {{ from_nanos('cast(' ~ idiv(wide(part) ~ ' * 1000000000', wide(whole)) ~ ' as int64)') }} end
{%- endmacro %}

{# a quantity at the meter's fixed scale, in the meter's own unit again; every scale divides 10⁹ #}
{% macro from_scaled(quantity, scale_factor) -%}
  {{ return(from_nanos(wide(quantity) ~ ' * ' ~ idiv('1000000000', scale_factor))) }}
{%- endmacro %}

{# an amount in nanos per piece, rounded half up; null when there are no pieces (R24: zero successes have no unit cost) #}
{% macro per(nanos, pieces) -%}
case when ({{ pieces }}) > 0 then {{ from_nanos(idiv('2 * (' ~ nanos ~ ') + (' ~ pieces ~ ')', '2 * (' ~ pieces ~ ')')) }} end
{%- endmacro %}
