-- differences that somebody must look at, whichever model found them; identity is kind, key and day, so a rerun updates and never twins
{% set families = ['usage', 'bill', 'telemetry'] %}
with found as (
    {% for family in families %}
    select {{ listed(break_columns()) }} from {{ ref('int_breaks__' ~ family) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        {{ key(['kind', 'break_key', 'charge_day']) }} as break_id,
        kind, kind as class, source, charge_day, break_key, note, quantity, amount,
        coalesce(abs(amount) >= {{ money("'" ~ var('materiality') ~ "'") }}, false) as material,
        '{{ var("reporting_currency") }}' as currency,
        {{ days_between('charge_day', as_of_day()) }} as age_days,
        'open' as state
    from found

)

select * from final
