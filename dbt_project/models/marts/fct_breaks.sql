-- differences that somebody must look at, whichever model found them; identity is kind, key and day, so a rerun updates and never twins
{% set families = ['usage', 'variance', 'bill', 'telemetry', 'identity', 'unseen', 'references', 'models', 'missing', 'revenue',
    'invoices'] %}
with found as (
    {% for family in families %}
    -- what has no rate has an amount in its own currency
    select {{ listed(break_columns()) }},
        {{ 'currency' if family in ('bill', 'revenue', 'invoices') else 'cast(null as string) as currency' }}
        from {{ ref('int_breaks__' ~ family) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        {{ key(['found.kind', 'found.break_key', 'found.charge_day']) }} as break_id,
        found.kind, coalesce(nullif(variances.class, 'none'), found.kind) as class, found.source, found.charge_day, found.break_key,
        found.note, found.quantity, found.amount,
        coalesce(abs(found.amount) >= {{ money("'" ~ var('materiality') ~ "'") }}, false) as material,
        coalesce(found.currency, '{{ var("reporting_currency") }}') as currency,
        {{ days_between('found.charge_day', as_of_day()) }} as age_days,
        'open' as state, kinds.owner, kinds.action
    from found
    left join {{ ref('break_kinds') }} as kinds on found.kind = kinds.kind
    left join {{ ref('int_variances') }} as variances on found.reconciliation_id = variances.reconciliation_id

)

select * from final
