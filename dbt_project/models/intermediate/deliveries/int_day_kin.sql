{{ config(materialized='by_day', day='charge_day', made_from='int_call_days', batched=false, partners='other_day') }}
-- depends_on: {{ ref('int_call_days') }}
-- grain: day × kind × other day that shares a delivery, a call or a trace of several calls with it. `content` stands for what the two
-- tell of what they share. A pair may be told by either day or by both
{% set kinds = [('delivery', 'delivery_fingerprint', ''), ('call', 'call_fingerprint', 'billable'), ('trace', 'trace_fingerprint', 'trace_fingerprint is not null')] %}
with {% for kind, key, only in kinds %}
{{ kind }}_shared as (

    select {{ key }} as shared
    from {{ ref('int_delivery_keys') }}
    where {{ key }} in (select {{ key }} from {{ ref('int_delivery_keys') }} where {{ of_days('charge_day') }}){{ ' and ' ~ only if only }}
    group by {{ key }}
    having min(charge_day) <> max(charge_day){{ ' and sum(case when billable then 1 else 0 end) > 1' if kind == 'trace' }}

),

{{ kind }}_holders as (

    select keys.charge_day, {{ kind }}_shared.shared, bit_xor(keys.content) as content
    from {{ ref('int_delivery_keys') }} as keys
    join {{ kind }}_shared on keys.{{ key }} = {{ kind }}_shared.shared
    group by keys.charge_day, {{ kind }}_shared.shared

),
{% endfor %}
final as (
    {% for kind, key, only in kinds %}
    select holders.charge_day, '{{ kind }}' as kind, others.charge_day as other_day, bit_xor({{ fingerprint(['holders.shared', 'least(holders.content, others.content)', 'greatest(holders.content, others.content)']) }}) as content
    from {{ kind }}_holders as holders
    join {{ kind }}_holders as others on holders.shared = others.shared and holders.charge_day <> others.charge_day
    where {{ of_days('holders.charge_day') }}
    group by holders.charge_day, others.charge_day
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select * from final
