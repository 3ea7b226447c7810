-- grain: hour × feature × tenant that takes a share of the feature's cost far above its usual one of this weekday, by its calls as well as
-- their cost, so that one dear call is none, and begins more of its events than chance gives it. Measured over the fewest hours, at most a
-- day, that say so; on a known day without it a tenant's share is 0
with series as (

    select feature_id, tenant_id, hour_index, {{ isum('coalesce(list_nanos, 0)') }} as nanos, {{ isum('priced_calls') }} as calls,
        {{ isum('starts') }} as starts
    from {{ ref('int_cost_hours') }}
    where production and feature_id is not null and tenant_id is not null and priced_calls > 0
    group by feature_id, tenant_id, hour_index

),

features as (

    select feature_id, hour_index, {{ isum('nanos') }} as nanos, {{ isum('calls') }} as calls, {{ isum('starts') }} as starts
    from series
    group by feature_id, hour_index

),

of_features as (

    select feature_id, hour_index, {{ trailing_sums(['nanos', 'calls', 'starts'], 'feature_id') }} from features

),

of_tenants as (

    select feature_id, tenant_id, hour_index, {{ trailing_sums(['nanos', 'calls', 'starts'], 'feature_id, tenant_id') }} from series

),

measured as (

    select
        of_tenants.feature_id, of_tenants.tenant_id, of_tenants.hour_index, lengths.length as hours, {{ settings() }},
        {{ of_length('of_tenants.nanos') }} as nanos, {{ of_length('of_features.nanos') }} as whole_nanos,
        {{ of_length('of_tenants.calls') }} as calls, {{ of_length('of_features.calls') }} as whole_calls,
        {{ of_length('of_tenants.starts') }} as starts, {{ of_length('of_features.starts') }} as whole_starts
    from of_tenants
    join of_features on of_tenants.feature_id = of_features.feature_id and of_tenants.hour_index = of_features.hour_index
    cross join {{ lengths(window_hours()) }} as lengths
    {{ joined_settings('tenant_concentration', 'of_tenants.tenant_id') }}
    where {{ is_usual_day(day_of_hour('of_tenants.hour_index'), 'of_tenants.tenant_id') }} and {{ judged_hours('of_tenants.hour_index') }}
        and {{ of_length('of_features.calls') }} >= coalesce(own_scope.minimum_calls, any_scope.minimum_calls)

),

-- all but the share itself can be asked before what was usual is
candidates as (

    select *, cast({{ idiv(wide('nanos') ~ ' * 1000000000', wide('whole_nanos')) }} as int64) as share_nanos
    from measured
    where whole_nanos > 0 and nanos >= minimum_nanos

),

days as (

    select features.feature_id, {{ idiv('features.hour_index', '24') }} as day_index, {{ isum('features.nanos') }} as nanos
    from features
    group by 1, 2

),

tenant_days as (

    select feature_id, tenant_id, {{ idiv('hour_index', '24') }} as day_index, {{ isum('nanos') }} as nanos from series group by 1, 2, 3

),

ranked as (

    select
        judged.feature_id, judged.tenant_id, judged.day_index,
        cast({{ idiv(wide('coalesce(mine.nanos, 0)') ~ ' * 1000000000', wide('days.nanos')) }} as int64) as share_nanos,
        row_number() over (
            partition by judged.feature_id, judged.tenant_id, judged.day_index
            order by {{ idiv(wide('coalesce(mine.nanos, 0)') ~ ' * 1000000000', wide('days.nanos')) }}
        ) as rank,
        count(*) over (partition by judged.feature_id, judged.tenant_id, judged.day_index) as days
    from (
        select distinct feature_id, tenant_id, {{ idiv('hour_index', '24') }} as day_index from candidates
        where share_nanos >= threshold_nanos
    ) as judged
    cross join {{ weeks_before() }} as weeks
    join days on judged.feature_id = days.feature_id and days.day_index = judged.day_index - 7 * weeks.week and days.nanos > 0
    left join tenant_days as mine
        on days.feature_id = mine.feature_id and judged.tenant_id = mine.tenant_id and days.day_index = mine.day_index
    where {{ is_usual_day(day_of_hour('days.day_index * 24'), 'judged.tenant_id') }}

),

usual as (

    select feature_id, tenant_id, day_index, {{ median_of('share_nanos', 'rank', 'days') }} as share_nanos, days
    from ranked
    where days >= {{ least_days() }}
    group by feature_id, tenant_id, day_index, days

),

beyond as (

    select
        candidates.*, usual.share_nanos as usual_nanos,
        row_number() over (
            partition by candidates.feature_id, candidates.tenant_id, candidates.hour_index order by candidates.hours
        ) as place
    from candidates
    join usual
        on candidates.feature_id = usual.feature_id and candidates.tenant_id = usual.tenant_id
        and {{ idiv('candidates.hour_index', '24') }} = usual.day_index
    where candidates.share_nanos >= usual.share_nanos + candidates.threshold_nanos
        and candidates.calls * 1000000000 >= (usual.share_nanos + candidates.threshold_nanos) * candidates.whole_calls
        and candidates.starts * 1000000000 > usual.share_nanos * candidates.whole_starts
        and {{ is_no_chance('candidates.starts * 1000000000', 'usual.share_nanos * candidates.whole_starts', 'usual.days', 1000000000) }}

),

final as (

    select
        'tenant_concentration' as kind, 'tenant' as scope, tenant_id as scope_value, cast(null as string) as step,
        hour_index, hour_index as last_hour_index, hours, share_nanos as measured_nanos, usual_nanos as expected_nanos, threshold_nanos,
        share_nanos - usual_nanos as excess, nanos as cost_nanos, feature_id, tenant_id, cast(null as string) as prompt_version,
        cast(null as string) as segment, 'of the cost of ' || feature_id as about, ruled_owner
    from beyond
    where place = 1

)

select * from final
