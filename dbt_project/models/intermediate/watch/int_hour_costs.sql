{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_hour_inputs'}) }}
-- depends_on: {{ ref('int_hour_inputs') }}
-- grain: hour × all an hour's cost is told by. Kept by day, since baselines reach weeks back: an hour's run reads the calls of the days
-- whose files changed, today's and perhaps yesterday's, and of all others these sums alone
with valued as (

    select *
    from {{ valued_calls(['charge_day', 'call_high', 'call_low', 'context', 'profile', 'ended_at', 'answered_from_cache'], ['list']) }}
        as valued

),

told as (

    select
        valued.charge_day, {{ hour_index('valued.ended_at') }} as hour_index, {{ hour_dimensions_of_calls() }},
        valued.answered_from_cache, valued.list_nanos,
        contexts.run_id is not null and row_number() over (
            partition by valued.charge_day, contexts.run_id order by valued.ended_at, valued.call_high, valued.call_low
        ) = 1 as begins_run,
        contexts.run_id is null as is_without_run, contexts.event_id is null as is_without_event,
        contexts.event_id is not null and row_number() over (
            partition by valued.charge_day, contexts.event_id order by valued.ended_at, valued.call_high, valued.call_low
        ) = 1 as begins_event
    from valued
    {{ with_words('valued') }}

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
