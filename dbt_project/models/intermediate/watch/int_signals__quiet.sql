-- grain: hour × feature of which nothing is told for hours, in which as many events as the floor begin on this weekday. Events and not
-- calls are counted: those of one event come together or not at all
with hours as (

    select * from {{ ref('int_feature_hours') }}

),

silent as (

    select hours.feature_id, hours.hour_index, hours.hour_index - hours.last_called as length, {{ settings() }}
    from hours
    {{ joined_settings('telemetry_quiet', 'hours.feature_id') }}
    where hours.calls = 0 and {{ is_usual_day(day_of_hour('hours.hour_index'), 'hours.feature_id') }}
        and {{ judged_hours('hours.hour_index') }}
        and (hours.hour_index - hours.last_called) * 1000000000 >= coalesce(own_scope.threshold_nanos, any_scope.threshold_nanos)

),

ranked as (

    select
        silent.*, then_hours.starts_until - before.starts_until as starts, then_hours.nanos_until - before.nanos_until as nanos,
        row_number() over (
            partition by silent.feature_id, silent.hour_index order by then_hours.starts_until - before.starts_until
        ) as rank,
        row_number() over (
            partition by silent.feature_id, silent.hour_index order by then_hours.nanos_until - before.nanos_until
        ) as nanos_rank,
        count(*) over (partition by silent.feature_id, silent.hour_index) as weeks_known
    from silent
    cross join {{ weeks_before() }} as weeks
    join hours as then_hours on silent.feature_id = then_hours.feature_id and then_hours.hour_index = silent.hour_index - weeks.hours
    join hours as before
        on silent.feature_id = before.feature_id and before.hour_index = silent.hour_index - weeks.hours - silent.length
    join {{ ref('int_known_days') }} as known on {{ idiv('then_hours.hour_index', '24') }} = known.day_index
    where {{ is_usual_day(day_of_hour('then_hours.hour_index'), 'silent.feature_id') }}

),

usual as (

    select
        feature_id, hour_index, length, threshold_nanos, minimum_nanos, minimum_calls, ruled_owner,
        {{ median_of('starts', 'rank', 'weeks_known') }} as starts, {{ median_of('nanos', 'nanos_rank', 'weeks_known') }} as nanos
    from ranked
    where weeks_known >= {{ least_days() }}
    group by feature_id, hour_index, length, threshold_nanos, minimum_nanos, minimum_calls, ruled_owner

),

final as (

    select
        'telemetry_quiet' as kind, 'feature' as scope, feature_id as scope_value, cast(null as string) as step,
        hour_index, hour_index as last_hour_index, length as hours,
        length * 1000000000 as measured_nanos, 0 as expected_nanos, threshold_nanos,
        length as excess, nanos as cost_nanos, feature_id,
        cast(null as string) as tenant_id,
        cast(null as string) as prompt_version, cast(null as string) as segment,
        'hours without a call, in which usually ' || {{ text('starts') }} || ' events begin' as about, ruled_owner
    from usual
    where starts >= minimum_calls and nanos >= minimum_nanos

)

select * from final
