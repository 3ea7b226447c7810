-- grain: kind × scope × day whose share is far above the usual one of its weekday. On a day that is known of the source a key that bills
-- nothing has no share that is missing: 0
with series as (

    select *, {{ first_hour('charge_day') }} as hour_index from {{ ref('int_share_days') }}

),

known_days as (

    select distinct source, charge_day from series where whole_nanos > 0

),

candidates as (

    select
        series.*, {{ settings() }}, cast({{ idiv(wide('series.part_nanos') ~ ' * 1000000000', wide('series.whole_nanos')) }} as int64)
            as share_nanos
    from series
    join {{ ref('int_alert_settings') }} as any_scope on series.kind = any_scope.kind and any_scope.scope_value is null
    left join {{ ref('int_alert_settings') }} as own_scope on series.kind = own_scope.kind and series.scope_value = own_scope.scope_value
    where {{ is_usual_day('series.charge_day', 'series.scope_value') }} and series.whole_nanos > 0
        and series.part_nanos >= coalesce(own_scope.minimum_nanos, any_scope.minimum_nanos)

),

ranked as (

    select
        candidates.kind, candidates.scope, candidates.scope_value, candidates.source, candidates.charge_day,
        case when before.whole_nanos > 0
            then cast({{ idiv(wide('before.part_nanos') ~ ' * 1000000000', wide('before.whole_nanos')) }} as int64)
            else 0 end as share_nanos
    from candidates
    cross join {{ weeks_before() }} as weeks
    join known_days on candidates.source = known_days.source
        and {{ days_between('known_days.charge_day', 'candidates.charge_day') }} = 7 * weeks.week
    left join series as before
        on candidates.kind = before.kind and candidates.scope = before.scope and candidates.scope_value = before.scope_value
        and candidates.source = before.source and known_days.charge_day = before.charge_day
    where {{ is_usual_day('known_days.charge_day', 'candidates.scope_value') }}

),

placed as (

    select
        *, row_number() over (partition by kind, scope, scope_value, source, charge_day order by share_nanos) as rank,
        count(*) over (partition by kind, scope, scope_value, source, charge_day) as days
    from ranked

),

usual as (

    select kind, scope, scope_value, source, charge_day, {{ median_of('share_nanos', 'rank', 'days') }} as usual_nanos
    from placed
    where days >= {{ least_days() }}
    group by kind, scope, scope_value, source, charge_day

)

select
    candidates.kind, candidates.scope, candidates.scope_value, cast(null as string) as step, candidates.hour_index,
    candidates.hour_index as last_hour_index, 24 as hours, candidates.share_nanos as measured_nanos, usual.usual_nanos as expected_nanos,
    candidates.threshold_nanos, candidates.share_nanos - usual.usual_nanos as excess, candidates.part_nanos as cost_nanos,
    cast(null as string) as feature_id, cast(null as string) as tenant_id, cast(null as string) as prompt_version,
    cast(null as string) as segment, candidates.source,
    case
        when candidates.kind = 'unattributed_share' then 'of what ' || candidates.source || ' bills of the day reaches no event'
        when candidates.scope = 'source' then 'of what telemetry tells of ' || candidates.source || ' is on no bill'
        else 'of what ' || candidates.source || ' bills of it is told by no telemetry'
    end as about,
    candidates.ruled_owner
from candidates
join usual
    on candidates.kind = usual.kind and candidates.scope = usual.scope and candidates.scope_value = usual.scope_value
    and candidates.source = usual.source and candidates.charge_day = usual.charge_day
where candidates.share_nanos >= usual.usual_nanos + candidates.threshold_nanos
