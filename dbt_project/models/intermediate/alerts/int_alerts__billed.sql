-- grain: alert: an episode of what the bill shows, with whoever has most of the cost that reached somebody in the days it was measured
-- over. Over all that is known, so a rerun tells the same; over when nothing of it was seen in a week of days, of a budget or margin in
-- the week after its end
{% set gap = 168 %}
with signals as (
    {% for model in ['int_signals__shares', 'int_signals__prices', 'int_signals__margins', 'int_signals__spending'] %}
    select {{ listed(signal_columns()) }}, source from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

episodes as (

    select * from {{ episodes_of('signals', gap) }} as episodes

),

rows_behind as (

    select
        episodes.alert_id, owners.feature_id, owners.tenant_id, owners.prompt_version, {{ isum('owners.cost_nanos') }} as nanos, 0 as calls
    from episodes
    join {{ ref('int_spend_owners') }} as owners
        on {{ first_hour('owners.charge_day') }} > episodes.hour_index - episodes.hours
        and {{ first_hour('owners.charge_day') }} <= episodes.hour_index
        and coalesce(episodes.source, owners.source) = owners.source
        and coalesce(episodes.feature_id, owners.feature_id, '') = coalesce(owners.feature_id, '')
        and coalesce(episodes.tenant_id, owners.tenant_id, '') = coalesce(owners.tenant_id, '')
        and coalesce(episodes.segment, owners.segment, '') = coalesce(owners.segment, '')
    where owners.direct and episodes.kind <> 'capture_rate'
    group by 1, 2, 3, 4

),

driven as (

    {{ with_drivers('episodes', 'rows_behind') }}

),

last_day as (

    select {{ first_hour('max(charge_day)') }} as hour_index from {{ ref('int_spend_owners') }}

),

final as (

    {{ alerts_of('driven', 'driven.seen_index >= (select hour_index from last_day) - ' ~ gap) }}

)

select * from final
