{#
  Meters in text, of which a call has one number each: what nearly every call tells, and all of it. Input of an emitter that tells no
  cached count may hide one and is a cell of its own (R8), so it is a slot of its own. `bit` is that of `usage_told` which says that the
  modality was told. Every other usage is an element of the call's list.
#}
{% macro slots() -%}
{{ return([
    {'slot': 1, 'name': 'input_tokens', 'meter': 'input_tokens', 'cache_ttl': '(none)', 'blind': 'false', 'bit': 1},
    {'slot': 2, 'name': 'blind_input_tokens', 'meter': 'input_tokens', 'cache_ttl': '(none)', 'blind': 'true', 'bit': 1},
    {'slot': 3, 'name': 'cache_read_tokens', 'meter': 'cache_read_input_tokens', 'cache_ttl': '(none)', 'blind': 'false', 'bit': 2},
    {'slot': 4, 'name': 'cache_write_5m_tokens', 'meter': 'cache_write_input_tokens', 'cache_ttl': '5m', 'blind': 'false', 'bit': 4},
    {'slot': 5, 'name': 'cache_write_1h_tokens', 'meter': 'cache_write_input_tokens', 'cache_ttl': '1h', 'blind': 'false', 'bit': 8},
    {'slot': 6, 'name': 'output_tokens', 'meter': 'output_tokens', 'cache_ttl': '(none)', 'blind': 'false', 'bit': 16},
]) }}
{%- endmacro %}

{# the bit of `usage_told` which says that a cache write's time to live was told #}
{% macro ttl_told_bit() %}{{ return(32) }}{% endmacro %}

{% macro has_bit(bits, bit) %}mod({{ idiv(bits, bit) }}, 2) = 1{% endmacro %}

{#
  usages in slots as rows: of some columns of calls, once per slot that counts something, with its `slot`, `quantity` and `high`, what the
  calls of its profile have used in the slot up to this one, in the order of their digests
#}
{% macro in_slots(columns, where='true') -%}
(
    select *
    from (
        select {{ listed(columns, 'calls.') }}, slots.slot,
            case slots.slot {% for slot in slots() %}when {{ slot.slot }} then calls.{{ slot.name }} {% endfor %}end as quantity,
            case slots.slot {% for slot in slots() %}when {{ slot.slot }} then calls.{{ slot.name }}_until {% endfor %}end as high
        from {{ ref('int_calls') }} as calls
        cross join ({% for slot in slots() %}select {{ slot.slot }} as slot{{ ' union all ' if not loop.last }}{% endfor %}) as slots
        where {{ where }}
    ) as told
    where quantity > 0
)
{%- endmacro %}

{#
  Of rows with `profile` and `slot` one row per profile and `keys`, with each of the columns once per slot, as <column>_<slot>, a part of a
  price (p_0) as p_<slot>_0; null where a slot has no row
#}
{% macro by_profile(rows, keys, columns) -%}
(
    select {{ listed(keys) }}{% for slot in slots() %}{% for column in columns %},
        max(case when slot = {{ slot.slot }} then {{ column }} end) as {{ in_slot(column, slot) }}{% endfor %}{% endfor %}
    from {{ rows }}
    where slot is not null
    group by {{ listed(keys) }}
)
{%- endmacro %}
{% macro in_slot(column, slot) -%}
{{ return(column ~ '_' ~ slot.slot if column[1:2] != '_' else column[:1] ~ '_' ~ slot.slot ~ column[1:]) }}
{%- endmacro %}

{#
  Calls of some days with what they are worth at list and at contract price: null where a usage has no price, since one unpriced usage makes
  the call's value unknown, never smaller; null, too, where nothing was used. With `known` each usage that has no price counts for nothing
#}
{% macro valued_calls(columns, prices=['list', 'expected'], known=false) -%}
(
    select
        {{ listed(columns, 'calls.') }},{% for price in prices %}
        case when {% for slot in slots() %}calls.{{ slot.name }} is not null or {% endfor %}others.call_high is not null then
            {% for slot in slots() %}{% set value = nano_product('calls.' ~ slot.name, '1', 'prices.' ~ price ~ '_price_' ~ slot.slot) -%}
            {% if known %}coalesce({{ value }}, 0)
            {%- else %}case when calls.{{ slot.name }} is null then 0 else {{ value }} end{% endif %}
            + {% endfor -%}
            case when others.call_high is null then 0 else others.{{ price }}_nanos end end as {{ price }}_nanos
            {{- ',' if not loop.last }}{% endfor %}
    from {{ ref('int_calls') }} as calls
    left join {{ by_profile("(select ended_day as charge_day, profile, slot" ~ priced_in_nanos(prices) ~ " from " ~ ref('int_usage_cells')
        ~ " where " ~ of_days('ended_day') ~ ") as cells", ['charge_day', 'profile'], named_prices(prices)) }} as prices
        on calls.charge_day = prices.charge_day and calls.profile = prices.profile
    left join (
        select usages.call_high, usages.call_low{% for price in prices %},
            {% set value = isum(nano_product('usages.quantity', 'cells.scale_factor', 'cells.' ~ price ~ '_price')) -%}
            {% if known %}coalesce({{ value }}, 0)
            {%- else %}case when count(cells.{{ price }}_price) = count(*) then {{ value }} end{% endif %} as {{ price }}_nanos{% endfor %}
        from {{ ref('int_usages') }} as usages
        join (
            select cell, scale_factor{{ priced_in_nanos(prices) }} from {{ ref('int_usage_cells') }} where {{ of_days('ended_day') }}
        ) as cells on usages.cell = cells.cell
        where {{ of_days('usages.charge_day') }}
        group by usages.call_high, usages.call_low
    ) as others on calls.call_high = others.call_high and calls.call_low = others.call_low
    where {{ of_days('calls.charge_day') }}
)
{%- endmacro %}
{% macro named_prices(prices) -%}
  {%- set names = [] -%}
  {%- for price in prices %}{% do names.append(price ~ '_price') %}{% endfor -%}
  {{ return(names) }}
{%- endmacro %}
{% macro priced_in_nanos(prices) -%}
{% for price in prices %}, {{ nanos(price ~ '_price') }} as {{ price }}_price{% endfor %}
{%- endmacro %}

{# a number of a delivery's dictionary as a number of the day: deliveries have places in it, and no dictionary has 2³² rows #}
{% macro numbered_in_day(place, number) %}{{ place }} * 4294967296 + {{ number }}{% endmacro %}

{#
  what a usage with `quantity`, `high` and `told_again` takes of a receipt (R17, last step): its share, and what is accrued on it. A call
  has one share of a receipt: what would be a second is no amount
#}
{% macro received(used, receipts) -%}
case when not {{ used }}.told_again
        then {{ receipts }}.sign * {{ carved(used ~ '.high - ' ~ used ~ '.quantity', used ~ '.high', receipts ~ '.amount', 'p') }}
    end as cost_nanos,
    case when {{ receipts }}.accrued = 0 then 0
        else {{ carved(used ~ '.high - ' ~ used ~ '.quantity', used ~ '.high', receipts ~ '.accrued', 'a') }} end as accrued_nanos
{%- endmacro %}

{#
  the same of a call and all slots of its profile, where the columns of both stand in one row (`by_profile`). 0 is of a slot that the call
  did not use or this bill does not pay: call_costs_carry_the_receipts sees a receipt that nothing took
#}
{% macro slots_carved(sign, amount, name) -%}
{% for slot in slots() -%}
{%- set used, rate = slot.name, name ~ '_' ~ slot.slot -%}
case when {{ used }} is not null and {{ in_slot(amount, slot) }} <> 0 then {{ sign ~ '_' ~ slot.slot ~ ' * ' if sign }}
    {{- carved(used ~ '_until - ' ~ used, used ~ '_until', in_slot(amount, slot), rate) }} else 0 end{{ ' + ' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{# the joins that give calls of some days their words: those of their `contexts` and of their `profiles` #}
{% macro with_words(calls) -%}
join {{ ref('int_call_contexts') }} as contexts on {{ calls }}.charge_day = contexts.charge_day and {{ calls }}.context = contexts.context
        and {{ of_days('contexts.charge_day') }}
    join {{ ref('int_profiles') }} as profiles on {{ calls }}.charge_day = profiles.charge_day and {{ calls }}.profile = profiles.profile
        and {{ of_days('profiles.charge_day') }}
{%- endmacro %}
