-- grain: event's day × day on which its events or their runs have calls
select distinct homes.event_day, calls.charge_day as read_day
from {{ ref('int_call_contexts') }} as calls
join {{ ref('int_event_homes') }} as homes on calls.event_id = homes.event_id
union distinct
select distinct homes.event_day, calls.charge_day
from {{ ref('int_call_contexts') }} as calls
join {{ ref('int_run_homes') }} as homes on calls.run_id = homes.run_id
