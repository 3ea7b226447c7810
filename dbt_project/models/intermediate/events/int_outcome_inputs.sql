-- grain: event's day. All that what its events and runs cost, and what of it was waste, is made from: also which of the events nobody
-- said the end of are given up by now
with abandoned as (

    select event_day, bit_xor({{ fingerprint(['event_id']) }}) as fingerprint
    from {{ ref('int_events') }} as events
    where {{ outcome_of('events') }} = 'abandoned'
    group by event_day

),

final as (

    select days.event_day, days.calls, {{ fingerprint(['days.fingerprint', 'abandoned.fingerprint']) }} as fingerprint
    from {{ ref('int_event_inputs') }} as days
    left join abandoned on days.event_day = abandoned.event_day

)

select * from final
