-- grain: hour × feature that is called far more often than at this weekday and hour, by more events than chance begins, while fewer of them
-- succeed than in the weeks before: by more than three standard deviations of so many outcomes, reckoned in whole numbers
{% set tried, deviations, least_outcomes = [1, 3], 3, 8 %}
with hours as (

    select * from {{ ref('int_feature_hours') }}

),

windows as (

    select
        hours.feature_id, hours.hour_index, lengths.length, hours.calls_until - before.calls_until as calls,
        hours.starts_until - before.starts_until as starts, hours.successes_until - before.successes_until as successes,
        hours.failures_until - before.failures_until as failures,
        hours.nanos_until - before.nanos_until as nanos, before.successes_until, before.failures_until
    from hours
    cross join {{ lengths(tried) }} as lengths
    join hours as before on hours.feature_id = before.feature_id and before.hour_index = hours.hour_index - lengths.length

),

busy as (

    select windows.*, {{ settings() }}
    from windows
    {{ joined_settings('burst_with_falling_success', 'windows.feature_id') }}
    where {{ is_usual_day(day_of_hour('windows.hour_index'), 'windows.feature_id') }} and {{ judged_hours('windows.hour_index') }}
        and windows.calls >= coalesce(own_scope.minimum_calls, any_scope.minimum_calls)
        and windows.successes + windows.failures >= {{ least_outcomes }}

),

-- the outcomes of four weeks before the window
failing as (

    select
        busy.*, busy.successes_until - coalesce(earlier.successes_until, 0) as usual_successes,
        busy.failures_until - coalesce(earlier.failures_until, 0) as usual_failures
    from busy
    left join hours as earlier
        on busy.feature_id = earlier.feature_id and earlier.hour_index = busy.hour_index - busy.length - 168 * {{ history_weeks() }}

),

compared as (

    select *, {{ wide('usual_successes * (successes + failures) - successes * (usual_successes + usual_failures)') }} as fall
    from failing

),

ranked as (

    select
        compared.*, weeks.week, then_hours.calls_until - before.calls_until as then_calls,
        then_hours.starts_until - before.starts_until as then_starts,
        row_number() over (
            partition by compared.feature_id, compared.hour_index, compared.length order by then_hours.calls_until - before.calls_until
        ) as rank,
        row_number() over (
            partition by compared.feature_id, compared.hour_index, compared.length order by then_hours.starts_until - before.starts_until
        ) as starts_rank,
        count(*) over (partition by compared.feature_id, compared.hour_index, compared.length) as weeks_known
    from compared
    cross join {{ weeks_before() }} as weeks
    join hours as then_hours
        on compared.feature_id = then_hours.feature_id and then_hours.hour_index = compared.hour_index - weeks.hours
    join hours as before
        on compared.feature_id = before.feature_id and before.hour_index = compared.hour_index - weeks.hours - compared.length
    join {{ ref('int_known_days') }} as known on {{ idiv('then_hours.hour_index', '24') }} = known.day_index
    where compared.fall > 0 and {{ is_usual_day(day_of_hour('then_hours.hour_index'), 'compared.feature_id') }}
        and compared.fall * compared.fall > {{ deviations * deviations }} * {{ wide('compared.successes + compared.failures') }}
            * compared.usual_successes * compared.usual_failures

),

usual as (

    select
        feature_id, hour_index, length, weeks_known, {{ median_of('then_calls', 'rank', 'weeks_known') }} as usual_calls,
        {{ median_of('then_starts', 'starts_rank', 'weeks_known') }} as usual_starts
    from ranked
    where weeks_known >= {{ least_days() }}
    group by feature_id, hour_index, length, weeks_known

),

beyond as (

    select
        compared.*, usual.usual_calls,
        row_number() over (partition by compared.feature_id, compared.hour_index order by compared.length) as place
    from compared
    join usual
        on compared.feature_id = usual.feature_id and compared.hour_index = usual.hour_index and compared.length = usual.length
    where compared.calls * 1000000000 >= usual.usual_calls * compared.threshold_nanos and compared.nanos >= compared.minimum_nanos
        and compared.starts > usual.usual_starts and {{ is_no_chance('compared.starts', 'usual.usual_starts', 'usual.weeks_known') }}

),

final as (

    select
        'burst_with_falling_success' as kind, 'feature' as scope, feature_id as scope_value, cast(null as string) as step, hour_index,
        hour_index as last_hour_index, length as hours, calls * 1000000000 as measured_nanos, usual_calls * 1000000000 as expected_nanos,
        threshold_nanos,
        calls - usual_calls as excess, nanos as cost_nanos, feature_id, cast(null as string) as tenant_id,
        cast(null as string) as prompt_version, cast(null as string) as segment,
        'calls; ' || {{ text('successes') }} || ' of ' || {{ text('successes + failures') }} || ' outcomes are successes, usually '
            || {{ text('usual_successes') }} || ' of ' || {{ text('usual_successes + usual_failures') }} as about,
        ruled_owner
    from beyond
    where place = 1

)

select * from final
