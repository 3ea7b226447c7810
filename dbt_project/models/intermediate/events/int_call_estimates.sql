-- grain: call. What telemetry alone says a call cost: list price × usage, contract price × usage, and the emitter's own figure (R18)
with valued as (

    select
        usages.call_high, usages.call_low,
        {{ nano_value('usages.quantity', 'cells.scale_factor', 'cells.list_price') }} as list_nanos,
        {{ nano_value('usages.quantity', 'cells.scale_factor', 'cells.expected_price') }} as expected_nanos
    from {{ ref('int_usages') }} as usages
    join {{ ref('int_usage_cells') }} as cells on usages.cell = cells.cell

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
        calls.event_id, calls.run_id,
        {{ from_nanos('by_call.list_nanos') }} as estimated_cost,
        {{ from_nanos('by_call.expected_nanos') }} as expected_cost,
        calls.reported_cost
    from {{ ref('int_calls') }} as calls
    left join by_call on calls.call_high = by_call.call_high and calls.call_low = by_call.call_low

)

select * from final
