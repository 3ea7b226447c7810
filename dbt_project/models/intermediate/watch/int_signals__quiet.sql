-- grain: hour × feature of which nothing is told for hours, in which so many events begin on this weekday that none of them is no chance.
-- Events and not calls are counted: those of one event come together or not at all
{% set columns = ['starts', 'nanos'] %}
-- what an hour has behind it, and what the same hour of the weeks before had: every hour has a row, so weeks are so many rows
with hours as (

    select
        *{% for week in range(1, history_weeks() + 1) %}{% for column in columns %},
        lag({{ column }}_until, {{ 168 * week }}) over (partition by feature_id order by hour_index) as {{ column }}_{{ week }}
        {%- endfor %}{% endfor %}
    from {{ ref('int_feature_hours') }}

),

silent as (

    select
        hours.feature_id, hours.hour_index, hours.hour_index - hours.last_called as length, {{ settings() }}
        {%- for week in range(1, history_weeks() + 1) %}{% for column in columns %},
        hours.{{ column }}_{{ week }} - before.{{ column }}_{{ week }} as {{ column }}_{{ week }}
        {%- endfor %}{% endfor %}
    from hours
    join hours as before on hours.feature_id = before.feature_id and hours.last_called = before.hour_index
    {{ joined_settings('telemetry_quiet', 'hours.feature_id') }}
    where hours.calls = 0 and {{ is_usual_day(day_of_hour('hours.hour_index'), 'hours.feature_id') }}
        and {{ judged_hours('hours.hour_index') }}
        and (hours.hour_index - hours.last_called) * 1000000000 >= coalesce(own_scope.threshold_nanos, any_scope.threshold_nanos)

),

by_week as (

    select
        silent.feature_id, silent.hour_index, silent.length, silent.threshold_nanos, silent.minimum_nanos, silent.minimum_calls,
        silent.ruled_owner, silent.hour_index - weeks.hours as then_index
        {%- for column in columns %},
        case weeks.week {% for week in range(1, history_weeks() + 1) %}when {{ week }} then silent.{{ column }}_{{ week }} {% endfor %}end
            as {{ column }}
        {%- endfor %}
    from silent
    cross join {{ weeks_before() }} as weeks

),

ranked as (

    select
        by_week.*, row_number() over (partition by by_week.feature_id, by_week.hour_index order by by_week.starts) as rank,
        row_number() over (partition by by_week.feature_id, by_week.hour_index order by by_week.nanos) as nanos_rank,
        count(*) over (partition by by_week.feature_id, by_week.hour_index) as weeks_known
    from by_week
    join {{ ref('int_known_days') }} as known on {{ idiv('by_week.then_index', '24') }} = known.day_index
    where by_week.starts is not null and {{ is_usual_day(day_of_hour('by_week.then_index'), 'by_week.feature_id') }}

),

usual as (

    select
        feature_id, hour_index, length, threshold_nanos, minimum_nanos, minimum_calls, ruled_owner, weeks_known,
        {{ lower_median('starts', 'rank', 'weeks_known') }} as starts, {{ lower_median('nanos', 'nanos_rank', 'weeks_known') }} as nanos
    from ranked
    where weeks_known >= {{ least_days() }}
    group by feature_id, hour_index, length, threshold_nanos, minimum_nanos, minimum_calls, ruled_owner, weeks_known

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
    where {{ is_no_chance('0', 'starts', 'weeks_known') }} and starts >= minimum_calls and nanos >= minimum_nanos

)

select * from final
