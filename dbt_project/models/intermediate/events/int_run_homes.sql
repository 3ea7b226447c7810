-- grain: run, with the event it counts for and that event's day; a run of no event has its own
select runs.run_id, runs.event_id, coalesce(events.event_day, runs.first_day) as event_day
from {{ ref('int_run_events') }} as runs
left join {{ ref('int_event_homes') }} as events on runs.event_id = events.event_id
