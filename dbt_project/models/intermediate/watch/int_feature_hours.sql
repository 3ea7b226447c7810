-- grain: feature × hour, hours without a call among them: what was called and said in all of production up to the hour's end, so that any
-- stretch of hours is one difference
with hours as (

    select feature_id, hour_index, {{ isum('calls') }} as calls, {{ isum('starts') }} as starts, {{ isum('successes') }} as successes,
        {{ isum('failures') }} as failures, {{ isum('coalesce(list_nanos, 0)') }} as nanos
    from {{ ref('int_cost_hours') }}
    where production and feature_id is not null
    group by feature_id, hour_index

),

bounds as (

    select {{ day_of_hour('min(hour_index)') }} as first_day from hours

),

features as (

    select distinct feature_id from hours

),

every_hour as (

    select features.feature_id, {{ first_hour('cast(day as date)') }} + clock as hour_index
    from features
    cross join bounds
    {{ days_of('bounds.first_day', "least(cast('" ~ watched_until() ~ "' as date), " ~ add_days(as_of_day(), 1) ~ ")", 'day') }}
    {{ unnested('[' ~ range(24) | join(', ') ~ ']', 'clock') }}

),

final as (

    select
        every_hour.feature_id, every_hour.hour_index, coalesce(hours.calls, 0) as calls,
        {% for column in ['calls', 'starts', 'successes', 'failures', 'nanos'] -%}
        {{ running('coalesce(hours.' ~ column ~ ', 0)', 'every_hour.feature_id', 'every_hour.hour_index') }} as {{ column }}_until,
        {% endfor -%}
        max(case when hours.calls > 0 then hours.hour_index end) over (
            partition by every_hour.feature_id order by every_hour.hour_index
            rows between unbounded preceding and current row
        ) as last_called
    from every_hour
    left join hours on every_hour.feature_id = hours.feature_id and every_hour.hour_index = hours.hour_index

)

select * from final
