{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_share_inputs'}) }}
-- depends_on: {{ ref('int_share_inputs') }} grain: call with usage whose identity is in doubt (R29): several calls tell its response id
-- though they do not agree, or its tellings name different events. What it is worth at contract price, as far as that is known
with contexts as (

    select charge_day, context, identity_group, names_two_events
    from {{ ref('int_call_contexts') }}
    where (identity_group is not null or names_two_events) and {{ of_days('charge_day') }}

),

cells as (

    select cell, ended_day, profile, slot, scale_factor, {{ nanos('expected_price') }} as expected_price from {{ ref('int_usage_cells') }}
        where {{ of_days('ended_day') }}

),

used as (

    select told.charge_day, told.call_high, told.call_low, told.call_tail, told.context, told.told_profile, told.quantity,
        cells.scale_factor, cells.expected_price
    -- hardly any call is in doubt: the others are left out before they have a row a slot
    from {{ in_slots(['charge_day', 'call_high', 'call_low', 'call_tail', 'context', 'told_profile', 'profile'],
        of_days('calls.charge_day') ~ ' and calls.context in (select contexts.context from contexts)') }} as told
    join cells on told.charge_day = cells.ended_day and told.profile = cells.profile and told.slot = cells.slot

    union all

    select usages.charge_day, usages.call_high, usages.call_low, usages.call_tail, usages.context, calls.told_profile, usages.quantity,
        cells.scale_factor, cells.expected_price
    from {{ ref('int_usages') }} as usages
    join {{ ref('int_calls') }} as calls on usages.call_high = calls.call_high and usages.call_low = calls.call_low
        and {{ of_days('calls.charge_day') }}
    join cells on usages.cell = cells.cell
    where {{ of_days('usages.charge_day') }}

),

final as (

    select
        used.charge_day, {{ digest_of('used.call_high', 'used.call_low', 'used.call_tail') }} as call_id, told.source,
        contexts.identity_group, contexts.names_two_events,
        {{ isum('coalesce(' ~ nano_product('used.quantity', 'used.scale_factor', 'used.expected_price') ~ ', 0)') }} as value_nanos,
        count(used.expected_price) = count(*) as is_priced
    from used
    join contexts on used.charge_day = contexts.charge_day and used.context = contexts.context
    join {{ ref('int_told_profiles') }} as told on used.charge_day = told.charge_day and used.told_profile = told.told_profile
        and {{ of_days('told.charge_day') }}
    group by used.charge_day, used.call_high, used.call_low, used.call_tail, told.source, contexts.identity_group, contexts.names_two_events

)

select * from final
