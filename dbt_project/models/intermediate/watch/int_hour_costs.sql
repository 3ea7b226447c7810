{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_hour_inputs'}) }}
-- depends_on: {{ ref('int_hour_inputs') }}
-- grain: hour × all an hour's cost is told by. Kept by day, since baselines reach weeks back: an hour's run reads the calls of the days
-- whose files changed, today's and perhaps yesterday's, and of all others these sums alone
with cells as (

    select cell, scale_factor, {{ nanos('list_price') }} as list_price from {{ ref('int_usage_cells') }} where {{ of_days('ended_day') }}

),

by_call as (

    -- one unpriced usage makes the call's estimate unknown, never smaller
    select
        usages.call_high, usages.call_low,
        case when count(cells.list_price) = count(*)
            then {{ isum(nano_product('usages.quantity', 'cells.scale_factor', 'cells.list_price')) }} end as list_nanos
    from {{ ref('int_usages') }} as usages
    join cells on usages.cell = cells.cell
    where {{ of_days('usages.charge_day') }}
    group by usages.call_high, usages.call_low

),

told as (

    select
        calls.charge_day, {{ hour_index('calls.ended_at') }} as hour_index,
        {{ listed(hour_dimensions()[1:], 'calls.') }}, calls.answered_from_cache, by_call.list_nanos,
        calls.run_id is not null
            and row_number() over (partition by calls.run_id order by calls.ended_at, calls.call_high, calls.call_low) = 1 as begins_run,
        calls.run_id is null as is_without_run, calls.event_id is null as is_without_event,
        calls.event_id is not null
            and row_number() over (partition by calls.event_id order by calls.ended_at, calls.call_high, calls.call_low) = 1
                as begins_event
    from {{ ref('int_calls') }} as calls
    left join by_call on calls.call_high = by_call.call_high and calls.call_low = by_call.call_low
    where {{ of_days('calls.charge_day') }}

),

final as (

    select
        charge_day, {{ listed(hour_dimensions()) }},
        count(*) as calls,
        {{ isum('case when list_nanos is null and not answered_from_cache then 1 else 0 end') }} as unpriced_calls,
        count(list_nanos) as priced_calls,
        {{ isum('case when begins_run then 1 else 0 end') }} as runs,
        {{ isum('case when begins_event or is_without_event and (begins_run or is_without_run) then 1 else 0 end') }} as starts,
        {{ isum('case when begins_event then 1 else 0 end') }} as events,
        {{ isum('list_nanos') }} as list_nanos
    from told
    group by charge_day, {{ listed(hour_dimensions()) }}

)

select * from final
