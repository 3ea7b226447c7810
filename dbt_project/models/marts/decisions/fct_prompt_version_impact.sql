-- grain: feature × prompt version, from the second on: what changed when it was deployed. Its own production events against those of the
-- version that had most of the feature's events in the 14 days before. The interval is of the mean cost of an event, 95 % by the normal
-- approximation: a statistic and no money, so it is reckoned of exact sums in binary floats and rounded
{% set days_before = 14 %}
{% set fewest = 30 %}
with events as (

    select
        coalesce(events.feature_id, '(none)') as feature_id, events.prompt_version, coalesce(tenants.segment, '(none)') as segment,
        coalesce(events.started_at, events.ended_at) as started_at, events.outcome,
        case when events.outcome in ('success', 'failure', 'partial') then 1 else 0 end as resolved,
        {{ nanos('events.reconciled_cost') }} as cost_nanos
    from {{ ref('fct_cost_per_outcome') }} as events
    left join {{ ref('stg_reference__tenants') }} as tenants on events.tenant_id = tenants.tenant_id
    where events.production and events.prompt_version is not null and events.calls > 0
        and coalesce(events.started_at, events.ended_at) is not null

),

deploys as (

    select feature_id, prompt_version, min(started_at) as deployed_at from events group by feature_id, prompt_version

),

-- the version it took over from
candidates as (

    select
        deploys.feature_id, deploys.prompt_version, deploys.deployed_at, events.prompt_version as before_version,
        row_number() over (
            partition by deploys.feature_id, deploys.prompt_version
            order by count(*) desc, max(events.started_at) desc, events.prompt_version
        ) as place
    from deploys
    join events on deploys.feature_id = events.feature_id and deploys.prompt_version <> events.prompt_version
        and events.started_at < deploys.deployed_at and events.started_at >= deploys.deployed_at - interval {{ days_before }} day
    group by deploys.feature_id, deploys.prompt_version, deploys.deployed_at, events.prompt_version

),

changes as (

    select feature_id, prompt_version, before_version, deployed_at from candidates where place = 1

),

compared as (

    select changes.feature_id, changes.prompt_version, 'after' as side, events.segment, events.outcome, events.resolved, events.cost_nanos
    from changes
    join events on changes.feature_id = events.feature_id and changes.prompt_version = events.prompt_version

    union all

    select changes.feature_id, changes.prompt_version, 'before', events.segment, events.outcome, events.resolved, events.cost_nanos
    from changes
    join events on changes.feature_id = events.feature_id and changes.before_version = events.prompt_version
        and events.started_at < changes.deployed_at and events.started_at >= changes.deployed_at - interval {{ days_before }} day

),

by_segment as (

    select
        feature_id, prompt_version, segment,
        {% for side in ['before', 'after'] %}
        {{- isum("case when side = '" ~ side ~ "' then 1 else 0 end") }} as events_{{ side }},
        {{ isum("case when side = '" ~ side ~ "' and outcome = 'success' then 1 else 0 end") }} as successes_{{ side }},
        {{ isum("case when side = '" ~ side ~ "' then resolved else 0 end") }} as resolved_{{ side }},
        {{ isum("case when side = '" ~ side ~ "' then cost_nanos else 0 end") }} as cost_{{ side }},
        {{ isum("case when side = '" ~ side ~ "' then resolved * cost_nanos else 0 end") }} as resolved_cost_{{ side }},
        sum(case when side = '{{ side }}' then {{ wide('cost_nanos') }} * cost_nanos else 0 end) as squares_{{ side }}
        {{- ',' if not loop.last }}
        {% endfor %}
    from compared
    group by feature_id, prompt_version, segment

),

summed as (

    select
        feature_id, prompt_version,
        {% for side in ['before', 'after'] %}{% for sum in ['events', 'successes', 'resolved', 'cost', 'resolved_cost'] %}
        {{- isum(sum ~ '_' ~ side) }} as {{ sum }}_{{ side }},
        {% endfor %}sum(squares_{{ side }}) as squares_{{ side }},
        {% endfor %}
        -- the difference within each segment, by the segments' part of the events after: what is left when the mix stays
        {{ isum('case when events_before > 0 then ' ~ nano_fraction('cost_before', 'events_after', 'events_before') ~ ' end') }}
            as mixed_before,
        min(case when events_after > 0 and events_before = 0 then 0 else 1 end) = 1 as same_segments
    from by_segment
    group by feature_id, prompt_version

),

measured as (

    select
        summed.*,
        {{ real('cost_after') }} / events_after - {{ real('cost_before') }} / events_before as difference_nanos,
        sqrt(
            {% for side in ['before', 'after'] %}greatest(0, {{ real('squares_' ~ side) }} - {{ real('cost_' ~ side) }} * cost_{{ side }}
                / events_{{ side }}) / greatest(events_{{ side }} - 1, 1) / events_{{ side }}{{ ' + ' if not loop.last }}{% endfor %}
        ) * 196 / 100 as half_width_nanos
    from summed

),

final as (

    select
        {{ key(['changes.feature_id', 'changes.prompt_version']) }} as prompt_version_impact_id,
        changes.feature_id, changes.prompt_version, changes.before_version, changes.deployed_at,
        measured.events_before, measured.events_after, measured.successes_before, measured.successes_after,
        {% for side in ['before', 'after'] %}
        {{- per('measured.cost_' ~ side, 'measured.events_' ~ side) }} as cost_per_event_{{ side }},
        {{ per('measured.resolved_cost_' ~ side, 'measured.successes_' ~ side) }} as cost_per_success_{{ side }},
        {{ share('measured.successes_' ~ side, 'measured.resolved_' ~ side) }} as success_share_{{ side }},
        {% endfor %}
        {{- per('measured.cost_after', 'measured.events_after') }} - {{ per('measured.cost_before', 'measured.events_before') }}
            as difference,
        {{ money('round((measured.difference_nanos - measured.half_width_nanos) / 1000000000, 6)') }} as difference_low,
        {{ money('round((measured.difference_nanos + measured.half_width_nanos) / 1000000000, 6)') }} as difference_high,
        case when measured.same_segments
            then {{ per('measured.cost_after', 'measured.events_after') }} - {{ per('measured.mixed_before', 'measured.events_after') }}
        end as mix_adjusted_difference,
        -- what its events cost beyond what as many successes would have cost before
        case when measured.successes_before > 0 then {{ from_nanos('measured.resolved_cost_after - '
            ~ nano_fraction('measured.resolved_cost_before', 'measured.successes_after', 'measured.successes_before')) }} end
            as excess_cost,
        case
            when measured.events_before < {{ fewest }} or measured.events_after < {{ fewest }} then 'too_few'
            when measured.difference_nanos - measured.half_width_nanos > 0 then 'dearer'
            when measured.difference_nanos + measured.half_width_nanos < 0 then 'cheaper'
            else 'no_difference'
        end as finding,
        '{{ var("reporting_currency") }}' as currency
    from changes
    join measured on changes.feature_id = measured.feature_id and changes.prompt_version = measured.prompt_version

)

select *, -excess_cost as margin_impact from final
