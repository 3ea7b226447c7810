-- grain: event's day × day on which its events or their runs have calls
select distinct homes.event_day, days.charge_day as read_day
from {{ ref('int_run_days') }} as days
join {{ ref('int_event_homes') }} as homes on days.event_id = homes.event_id
union distinct
select distinct homes.event_day, days.charge_day
from {{ ref('int_run_days') }} as days
join {{ ref('int_run_homes') }} as homes on days.run_id = homes.run_id
