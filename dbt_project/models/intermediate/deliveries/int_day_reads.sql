-- grain: day × day whose deliveries decide about its calls × what links the two: its own; those it shares a delivery, a call or a trace
-- with; and those the other deliveries of its calls and traces share one with, since whether such a delivery counts is decided there
with kin as (

    select charge_day, other_day, kind, content from {{ ref('int_day_kin') }}
    union distinct
    select other_day, charge_day, kind, content from {{ ref('int_day_kin') }}

),

final as (

    select charge_day, charge_day as read_day, cast(0 as int64) as link from {{ ref('int_call_days') }}
    union distinct
    select charge_day, other_day, {{ fingerprint(['kind', 'content']) }} from kin
    union distinct
    select twins.charge_day, kin.other_day, {{ fingerprint(['twins.other_day', 'kin.kind', 'kin.content']) }}
    from kin as twins
    join kin on twins.other_day = kin.charge_day
    where twins.kind <> 'trace' or kin.kind = 'delivery'

)

select * from final
