{{ config(materialized='by_day', require_partition_filter=true, meta={'day': 'charge_day', 'made_from': 'int_share_inputs'}) }}
-- depends_on: {{ ref('int_share_inputs') }}
-- grain: day × event × run × model. What telemetry alone says the calls cost: list price × usage, contract price × usage, and the
-- emitter's own figure (R18); null where none of the calls tells
with cells as (

    select cell, scale_factor, {{ nanos('list_price') }} as list_price,
        {{ nanos('expected_price') }} as expected_price from {{ ref('int_usage_cells') }} where {{ of_days('ended_day') }}

),

valued as (

    select
        usages.call_high, usages.call_low,
        {{ nano_product('usages.quantity', 'cells.scale_factor', 'cells.list_price') }} as list_nanos,
        {{ nano_product('usages.quantity', 'cells.scale_factor', 'cells.expected_price') }} as expected_nanos
    from {{ ref('int_usages') }} as usages
    join cells on usages.cell = cells.cell
    where {{ of_days('usages.charge_day') }}

),

by_call as (

    -- one unpriced usage makes the call's estimate unknown, never smaller
    select
        call_high, call_low,
        case when count(list_nanos) = count(*) then {{ isum('list_nanos') }} end as list_nanos,
        case when count(expected_nanos) = count(*) then {{ isum('expected_nanos') }} end as expected_nanos
    from valued
    group by call_high, call_low

),

final as (

    select
        told.charge_day, told.event_id, told.run_id, told.model, count(*) as calls,
        cast(sum(case when by_call.list_nanos is null and not told.answered_from_cache then 1 else 0 end) as int64) as unpriced_calls,
        {{ from_nanos(isum('by_call.list_nanos')) }} as estimated_cost,
        {{ from_nanos(isum('by_call.expected_nanos')) }} as expected_cost,
        {{ money('sum(told.reported_cost)') }} as reported_cost
    from {{ ref('int_calls') }} as told
    left join by_call on told.call_high = by_call.call_high and told.call_low = by_call.call_low
    where {{ of_days('told.charge_day') }}
    group by told.charge_day, told.event_id, told.run_id, told.model

)

select * from final
