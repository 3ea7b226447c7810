{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_share_inputs'}) }}
-- depends_on: {{ ref('int_share_inputs') }} grain: call with usage whose identity is in doubt (R29): several calls tell its response id
-- though they do not agree, or its tellings name different events. What it is worth at contract price, as far as that is known
with cells as (

    select cell, scale_factor, {{ nanos('expected_price') }} as expected_price from {{ ref('int_usage_cells') }}
        where {{ of_days('ended_day') }}

),

calls as (

    select charge_day, call_high, call_low, call_tail, source, identity_group, names_two_events
    from {{ ref('int_calls') }}
    where (identity_group is not null or names_two_events) and {{ of_days('charge_day') }}

),

final as (

    select
        calls.charge_day, {{ digest_of('calls.call_high', 'calls.call_low', 'calls.call_tail') }} as call_id, calls.source,
        calls.identity_group, calls.names_two_events,
        {{ isum('coalesce(' ~ nano_product('usages.quantity', 'cells.scale_factor', 'cells.expected_price') ~ ', 0)') }} as value_nanos,
        count(cells.expected_price) = count(*) as is_priced
    from calls
    join {{ ref('int_usages') }} as usages on calls.call_high = usages.call_high and calls.call_low = usages.call_low
        and {{ of_days('usages.charge_day') }}
    join cells on usages.cell = cells.cell
    group by calls.charge_day, calls.call_high, calls.call_low, calls.call_tail, calls.source, calls.identity_group, calls.names_two_events

)

select * from final
