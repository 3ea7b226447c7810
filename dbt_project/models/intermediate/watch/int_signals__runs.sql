-- grain: hour × feature of which a run has made far more calls than the feature's longest run of a day. The longest of each of the last
-- four weeks' days, whatever the weekday, since a run's length does not follow it
with runs as (

    select * from {{ ref('int_run_hours') }}

),

so_far as (

    select
        runs.*, {{ running('calls', 'charge_day, run_id, feature_id', 'hour_index') }} as calls_until,
        {{ running('list_nanos', 'charge_day, run_id, feature_id', 'hour_index') }} as nanos_until
    from runs

),

days as (

    select longest.feature_id, longest.charge_day, longest.calls
    from (select feature_id, charge_day, max(calls_until) as calls from so_far group by feature_id, charge_day) as longest
    where {{ is_usual_day('longest.charge_day', 'longest.feature_id') }}

),

judged as (

    select so_far.*, {{ settings() }}
    from so_far
    {{ joined_settings('runaway_run', 'so_far.feature_id') }}
    where {{ is_usual_day('so_far.charge_day', 'so_far.feature_id') }} and {{ judged_hours('so_far.hour_index') }}
        and so_far.calls_until >= coalesce(own_scope.minimum_calls, any_scope.minimum_calls)
        and so_far.nanos_until >= coalesce(own_scope.minimum_nanos, any_scope.minimum_nanos)

),

ranked as (

    select
        judged.feature_id, judged.charge_day, days.calls,
        row_number() over (partition by judged.feature_id, judged.charge_day order by days.calls) as rank,
        count(*) over (partition by judged.feature_id, judged.charge_day) as days
    from (select distinct feature_id, charge_day from judged) as judged
    join days on judged.feature_id = days.feature_id and days.charge_day < judged.charge_day
        and days.charge_day >= {{ add_days('judged.charge_day', -7 * history_weeks()) }}

),

usual as (

    select feature_id, charge_day, {{ median_of('calls', 'rank', 'days') }} as calls
    from ranked
    where days >= 7 * {{ least_days() }}
    group by feature_id, charge_day

),

beyond as (

    select
        judged.*, usual.calls as usual_calls,
        row_number() over (partition by judged.feature_id, judged.hour_index order by judged.calls_until desc, judged.run_id) as place,
        count(*) over (partition by judged.feature_id, judged.hour_index) as runs,
        cast(sum(judged.nanos_until) over (partition by judged.feature_id, judged.hour_index) as int64) as all_nanos
    from judged
    join usual on judged.feature_id = usual.feature_id and judged.charge_day = usual.charge_day
    where judged.calls_until * 1000000000 >= usual.calls * judged.threshold_nanos

),

final as (

    select
        'runaway_run' as kind, 'feature' as scope, feature_id as scope_value, cast(null as string) as step, hour_index,
        hour_index as last_hour_index, 1 as hours, calls_until * 1000000000 as measured_nanos, usual_calls * 1000000000 as expected_nanos,
        threshold_nanos, calls_until - usual_calls as excess,
        all_nanos as cost_nanos, feature_id, tenant_id, prompt_version, cast(null as string) as segment,
        'calls of run ' || run_id || case when runs > 1 then ', the longest of ' || {{ text('runs') }} else '' end as about,
        ruled_owner
    from beyond
    where place = 1

)

select * from final
