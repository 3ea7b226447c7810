{{ config(tags=['watch']) }}
-- grain: hour × tenant × feature × model × production, of the days watched. Nothing here has seen a bill (R18)
with cells as (

    select cell, scale_factor, {{ nanos('list_price') }} as list_price from {{ ref('int_usage_cells') }}

),

by_call as (

    -- one unpriced usage makes the call's estimate unknown, never smaller
    select
        usages.call_high, usages.call_low,
        case when count(cells.list_price) = count(*)
            then {{ isum(nano_product('usages.quantity', 'cells.scale_factor', 'cells.list_price')) }} end as list_nanos
    from {{ ref('int_usages') }} as usages
    join cells on usages.cell = cells.cell
    where usages.charge_day >= cast('{{ watched_from() }}' as date)
    group by usages.call_high, usages.call_low

),

told as (

    select
        cast({{ hour_of('calls.ended_at') }} as timestamp) as hour, coalesce(calls.tenant_id, '(unassigned)') as tenant_id,
        coalesce(calls.feature_id, '(none)') as feature_id, calls.model, calls.production, by_call.list_nanos
    from {{ ref('int_calls') }} as calls
    left join by_call on calls.call_high = by_call.call_high and calls.call_low = by_call.call_low
    where calls.charge_day >= cast('{{ watched_from() }}' as date)

),

final as (

    select
        {{ key(['hour', 'tenant_id', 'feature_id', 'model', 'production']) }} as cost_hour_id,
        hour, tenant_id, feature_id, model, production,
        count(*) as calls, count(*) - count(list_nanos) as unpriced_calls,
        {{ from_nanos(isum('list_nanos')) }} as estimated_cost,
        '{{ var("reporting_currency") }}' as currency
    from told
    group by hour, tenant_id, feature_id, model, production

)

select * from final
