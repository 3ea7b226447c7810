-- grain: kind × scope × day whose share is far above the usual one of its weekday, and above what chance makes of so much cost, by how far
-- the days of four weeks lay from usual. On a day that is known of the source a key that bills nothing has no share that is missing: 0.
-- What of a key or project is missing that a known source bills for the first time is not its capture that fell: nobody attributes it
with series as (

    select *, {{ first_hour('charge_day') }} as hour_index from {{ ref('int_share_days') }}

),

known_days as (

    select distinct source, charge_day from series where whole_nanos > 0

),

-- by when a source was known long enough to say what is usual, whatever its keys
sources_known as (

    select source, {{ add_days('min(charge_day)', 7 * least_days()) }} as known_since from known_days group by source

),

owners as (

    select source, scope, scope_value, min(charge_day) as first_day
    from series
    where scope <> 'source' and whole_nanos > 0
    group by source, scope, scope_value

),

new_owners as (

    select owners.source, owners.scope, owners.scope_value, {{ add_days('owners.first_day', 7 * history_weeks()) }} as new_until
    from owners
    join sources_known on owners.source = sources_known.source and owners.first_day >= sources_known.known_since

),

told as (

    select
        series.*,
        case when series.charge_day < new_owners.new_until then 'unattributed_share' else series.kind end as told_kind
    from series
    left join new_owners
        on series.source = new_owners.source and series.scope = new_owners.scope and series.scope_value = new_owners.scope_value

),

candidates as (

    select
        series.*, {{ settings() }}, cast({{ idiv(wide('series.part_nanos') ~ ' * 1000000000', wide('series.whole_nanos')) }} as int64)
            as share_nanos
    from told as series
    join {{ ref('int_alert_settings') }} as any_scope on series.told_kind = any_scope.kind and any_scope.scope_value is null
    left join {{ ref('int_alert_settings') }} as own_scope
        on series.told_kind = own_scope.kind and series.scope_value = own_scope.scope_value
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

),

far as (

    select
        candidates.*, usual.usual_nanos,
        candidates.part_nanos - {{ part_of('usual.usual_nanos', 'candidates.whole_nanos') }} as distance_nanos
    from candidates
    join usual
        on candidates.kind = usual.kind and candidates.scope = usual.scope and candidates.scope_value = usual.scope_value
        and candidates.source = usual.source and candidates.charge_day = usual.charge_day
    where candidates.share_nanos >= usual.usual_nanos + candidates.threshold_nanos

),

-- what is new has no usual days of its own
distances as (

    select
        far.kind, far.scope, far.scope_value, far.source, far.charge_day,
        {{ square_by_unit('before.part_nanos - ' ~ part_of('far.usual_nanos', 'before.whole_nanos'), 'before.whole_nanos') }} as square
    from far
    join series as before
        on far.kind = before.kind and far.scope = before.scope and far.scope_value = before.scope_value and far.source = before.source
        and before.charge_day < far.charge_day and before.charge_day >= {{ add_days('far.charge_day', -7 * history_weeks()) }}
    where far.told_kind = far.kind and before.whole_nanos > 0 and {{ is_usual_day('before.charge_day', 'far.scope_value') }}

),

spreads as (

    select kind, scope, scope_value, source, charge_day, {{ lower_median('square', 'rank', 'days') }} as square
    from (
        select
            *, row_number() over (partition by kind, scope, scope_value, source, charge_day order by square) as rank,
            count(*) over (partition by kind, scope, scope_value, source, charge_day) as days
        from distances
    ) as ranked
    group by kind, scope, scope_value, source, charge_day

)

select
    far.told_kind as kind, far.scope, far.scope_value, cast(null as string) as step, far.hour_index,
    far.hour_index as last_hour_index, 24 as hours, far.share_nanos as measured_nanos, far.usual_nanos as expected_nanos,
    far.threshold_nanos, far.share_nanos - far.usual_nanos as excess, far.part_nanos as cost_nanos,
    cast(null as string) as feature_id, cast(null as string) as tenant_id, cast(null as string) as prompt_version,
    cast(null as string) as segment, far.source,
    case
        when far.told_kind <> far.kind then 'of what ' || far.source || ' bills of it, which is new, is told by no telemetry'
        when far.kind = 'unattributed_share' then 'of what ' || far.source || ' bills of the day reaches no event'
        when far.scope = 'source' then 'of what telemetry tells of ' || far.source || ' is on no bill'
        else 'of what ' || far.source || ' bills of it is told by no telemetry'
    end as about,
    far.ruled_owner
from far
left join spreads
    on far.kind = spreads.kind and far.scope = spreads.scope and far.scope_value = spreads.scope_value and far.source = spreads.source
    and far.charge_day = spreads.charge_day
where spreads.square is null or {{ is_beyond_spread('far.distance_nanos', 'far.whole_nanos', 'spreads.square') }}
