-- grain: hour × feature or prompt version whose calls cost more than those of the feature on this weekday, and more than chance makes of so
-- many calls, by how far the feature's days of four weeks lay from usual. Measured over the fewest hours, at most a day, that say so,
-- of calls enough that a few dear ones among them do not; a prompt version is held against what the feature's calls cost, since it is new
with hours as (

    select feature_id, prompt_version, hour_index, {{ isum('list_nanos') }} as nanos, {{ isum('priced_calls') }} as calls
    from {{ ref('int_cost_hours') }}
    where production and feature_id is not null and priced_calls > 0
    group by feature_id, prompt_version, hour_index

),

series as (

    select 'feature' as scope, feature_id, cast(null as string) as prompt_version, hour_index, {{ isum('nanos') }} as nanos,
        {{ isum('calls') }} as calls
    from hours
    group by feature_id, hour_index
    union all
    select 'prompt_version', feature_id, prompt_version, hour_index, nanos, calls from hours where prompt_version is not null

),

windows as (

    select scope, feature_id, prompt_version, hour_index,
        {{ trailing_sums(['nanos', 'calls'], 'scope, feature_id, prompt_version') }}
    from series

),

measured as (

    select
        windows.scope, windows.feature_id, windows.prompt_version, windows.hour_index, lengths.length as hours, {{ settings() }},
        {{ of_length('windows.nanos') }} as nanos, {{ of_length('windows.calls') }} as calls
    from windows
    cross join {{ lengths(window_hours()) }} as lengths
    {{ joined_settings('cost_per_call_drift', 'windows.feature_id') }}
    where {{ is_usual_day(day_of_hour('windows.hour_index'), 'windows.feature_id') }} and {{ judged_hours('windows.hour_index') }}
        and {{ of_length('windows.calls') }} >= coalesce(own_scope.minimum_calls, any_scope.minimum_calls)

),

-- a call's cost on a day: of a day with few calls it says little, so a quarter of what the windows need is asked for
days as (

    select series.feature_id, {{ idiv('series.hour_index', '24') }} as day_index, {{ isum('series.nanos') }} as nanos,
        {{ isum('series.calls') }} as calls
    from series
    where series.scope = 'feature'
    group by 1, 2

),

before as (

    select days.feature_id, days.day_index, {{ idiv('days.nanos', 'days.calls') }} as nanos_per_call, {{ settings() }}, days.calls
    from days
    {{ joined_settings('cost_per_call_drift', 'days.feature_id') }}
    where {{ is_usual_day(day_of_hour('days.day_index * 24'), 'days.feature_id') }}

),

-- what is usual is the greater of two medians: of the same weekday, which may be a dear one, and of all days, since a few days of one
-- weekday are soon cheap by chance
ranked as (

    select
        judged.feature_id, judged.day_index, before.nanos_per_call, is_same_weekday,
        row_number() over (partition by judged.feature_id, judged.day_index, is_same_weekday order by before.nanos_per_call) as rank,
        count(*) over (partition by judged.feature_id, judged.day_index, is_same_weekday) as days
    from (select distinct feature_id, {{ idiv('hour_index', '24') }} as day_index from measured) as judged
    join before on judged.feature_id = before.feature_id and before.day_index < judged.day_index
        and before.day_index >= judged.day_index - {{ 7 * history_weeks() }} and 4 * before.calls >= before.minimum_calls
    cross join (select true as is_same_weekday union all select false) as kinds
    where not is_same_weekday or mod(judged.day_index - before.day_index, 7) = 0

),

medians as (

    select feature_id, day_index, is_same_weekday, {{ median_of('nanos_per_call', 'rank', 'days') }} as nanos_per_call, max(days) as days
    from ranked
    group by feature_id, day_index, is_same_weekday

),

usual as (

    select feature_id, day_index, max(nanos_per_call) as nanos_per_call
    from medians
    group by feature_id, day_index
    having max(case when is_same_weekday then days end) >= {{ least_days() }}

),

dearer as (

    select measured.*, usual.day_index, usual.nanos_per_call, measured.nanos - usual.nanos_per_call * measured.calls as excess_nanos
    from measured
    join usual on measured.feature_id = usual.feature_id and {{ idiv('measured.hour_index', '24') }} = usual.day_index
    where usual.nanos_per_call > 0
        and {{ wide('measured.nanos') }} * 1000000000
            >= {{ wide('usual.nanos_per_call * measured.calls') }} * measured.threshold_nanos
        and measured.nanos - usual.nanos_per_call * measured.calls >= measured.minimum_nanos

),

-- how far the days before lay from usual
distances as (

    select
        judged.feature_id, judged.day_index, {{ square_by_unit('days.nanos - judged.nanos_per_call * days.calls', 'days.calls') }} as square
    from (select distinct feature_id, day_index, nanos_per_call from dearer) as judged
    join days on judged.feature_id = days.feature_id and days.day_index < judged.day_index
        and days.day_index >= judged.day_index - {{ 7 * history_weeks() }}
    where {{ is_usual_day(day_of_hour('days.day_index * 24'), 'days.feature_id') }}

),

spreads as (

    select feature_id, day_index, {{ lower_median('square', 'rank', 'days') }} as square
    from (
        select
            *, row_number() over (partition by feature_id, day_index order by square) as rank,
            count(*) over (partition by feature_id, day_index) as days
        from distances
    ) as ranked
    group by feature_id, day_index

),

beyond as (

    select
        dearer.*,
        row_number() over (
            partition by dearer.scope, dearer.feature_id, dearer.prompt_version, dearer.hour_index order by dearer.hours
        ) as place
    from dearer
    join spreads on dearer.feature_id = spreads.feature_id and dearer.day_index = spreads.day_index
    where {{ is_beyond_spread('dearer.excess_nanos', 'dearer.calls', 'spreads.square') }}

),

-- a feature is dearer because one of its prompt versions is, or was in the hours measured: then that is what is told
of_versions as (

    select distinct features.feature_id, features.hour_index
    from beyond as features
    join beyond as versions on features.feature_id = versions.feature_id and versions.scope = 'prompt_version'
        and versions.hour_index > features.hour_index - features.hours and versions.hour_index <= features.hour_index
    where features.scope = 'feature' and features.place = 1

),

final as (

    select
        'cost_per_call_drift' as kind, beyond.scope,
        case when beyond.scope = 'feature' then beyond.feature_id else concat(beyond.feature_id, ' ', beyond.prompt_version) end
            as scope_value,
        cast(null as string) as step, beyond.hour_index, beyond.hour_index as last_hour_index, beyond.hours,
        {{ idiv('beyond.nanos', 'beyond.calls') }} as measured_nanos, beyond.nanos_per_call as expected_nanos, beyond.threshold_nanos,
        beyond.excess_nanos as excess, beyond.excess_nanos as cost_nanos, beyond.feature_id, cast(null as string) as tenant_id,
        beyond.prompt_version, cast(null as string) as segment, '{{ var("reporting_currency") }} a call over ' || {{ text('beyond.calls') }}
            || ' calls' as about, beyond.ruled_owner
    from beyond
    left join of_versions
        on beyond.scope = 'feature' and beyond.feature_id = of_versions.feature_id and beyond.hour_index = of_versions.hour_index
    where beyond.place = 1 and of_versions.feature_id is null

)

select * from final
