-- grain: hour × all an hour's cost is told by. What was called in the hour, and which outcomes were said in it, of events by their first
-- call: so an hour that is over changes only by what is told late of it
with first_days as (

    select event_id, min(charge_day) as charge_day from {{ ref('int_event_hours') }} group by event_id

),

outcomes as (

    select
        {{ hour_index('outcomes.occurred_at') }} as hour_index, {{ listed(hour_dimensions()[1:], 'events.') }},
        {{ isum("case when outcomes.outcome = 'success' then 1 else 0 end") }} as successes,
        {{ isum("case when outcomes.outcome = 'failure' then 1 else 0 end") }} as failures
    from {{ ref('int_outcomes') }} as outcomes
    join first_days on outcomes.event_id = first_days.event_id
    join {{ ref('int_event_hours') }} as events on first_days.event_id = events.event_id and first_days.charge_day = events.charge_day
    group by 1, {{ listed(hour_dimensions()[1:], 'events.') }}

),

parts as (

    select {{ listed(hour_dimensions()) }}, calls, unpriced_calls, priced_calls, runs, starts, events, 0 as successes, 0 as failures,
        list_nanos
    from {{ ref('int_hour_costs') }}
    union all
    select {{ listed(hour_dimensions()) }}, 0, 0, 0, 0, 0, 0, successes, failures, null from outcomes

),

final as (

    select
        {{ listed(hour_dimensions()) }},{% for count in hour_counts() %}
        {{ isum(count) }} as {{ count }},{% endfor %}
        {{ isum('list_nanos') }} as list_nanos
    from parts
    where hour_index >= {{ first_hour("cast('" ~ watched_from() ~ "' as date)") }}
    group by {{ listed(hour_dimensions()) }}

)

select * from final
