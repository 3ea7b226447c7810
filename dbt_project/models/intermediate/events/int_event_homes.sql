-- grain: event, with its day: of its first call, else of its first run, else of its outcome
with told as (

    select event_id, charge_day as called_on, cast(null as date) as ran_on, cast(null as date) as ended_on
    from {{ ref('int_call_contexts') }}
    where event_id is not null

    union all

    select event_id, cast(null as date), first_day, cast(null as date) from {{ ref('int_run_events') }} where event_id is not null

    union all

    select event_id, cast(null as date), cast(null as date), cast(occurred_at as date) from {{ ref('int_outcomes') }}

)

select event_id, coalesce(min(called_on), min(ran_on), min(ended_on), cast('1970-01-01' as date)) as event_day
from told
group by event_id
