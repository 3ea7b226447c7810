{{ config(materialized='table') }}
-- grain: alert: an episode of what telemetry shows, with whoever drives it in the hours it was measured over. All of it follows from what
-- is known of the hours, so a rerun tells the same, and no run needs what another said before
{% set gap = 24 %}
with signals as (
    {% for model in ['int_signals__drift', 'int_signals__concentration', 'int_signals__bursts', 'int_signals__runs', 'int_signals__quiet',
        'int_signals__budgets'] %}
    select {{ listed(signal_columns()) }} from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- a run or burst that explains what a feature's hours cost is told, and not also that they are dear, or of one tenant
explained as (

    select distinct signals.kind, signals.scope, signals.scope_value, signals.feature_id, signals.hour_index
    from signals
    join signals as reasons on signals.feature_id = reasons.feature_id
        and reasons.hour_index > signals.hour_index - signals.hours and reasons.hour_index <= signals.hour_index
    where signals.kind in ('cost_per_call_drift', 'tenant_concentration') and reasons.kind in ('runaway_run', 'burst_with_falling_success')

),

told as (

    select signals.*
    from signals
    left join explained
        on signals.kind = explained.kind and signals.scope = explained.scope and signals.scope_value = explained.scope_value
        and signals.hour_index = explained.hour_index and coalesce(signals.feature_id, '') = explained.feature_id
    where explained.kind is null

),

episodes as (

    select * from {{ episodes_of('told', gap) }} as episodes

),

rows_behind as (

    select
        episodes.alert_id, costs.feature_id, costs.tenant_id, costs.prompt_version,
        -- of dearer calls whoever is above the usual drives them, and not whoever calls most
        {{ isum("coalesce(costs.list_nanos, 0) - case when episodes.kind = 'cost_per_call_drift'
            then episodes.expected_nanos * costs.priced_calls else 0 end") }} as nanos,
        {{ isum('costs.calls') }} as calls
    from episodes
    join {{ ref('int_cost_hours') }} as costs
        on costs.hour_index > episodes.hour_index - episodes.hours and costs.hour_index <= episodes.hour_index
        and coalesce(episodes.feature_id, costs.feature_id, '') = coalesce(costs.feature_id, '')
        and coalesce(episodes.tenant_id, costs.tenant_id, '') = coalesce(costs.tenant_id, '')
        and coalesce(episodes.prompt_version, costs.prompt_version, '') = coalesce(costs.prompt_version, '')
    left join {{ ref('stg_reference__tenants') }} as tenants on costs.tenant_id = tenants.tenant_id
    where costs.calls > 0 and coalesce(episodes.segment, tenants.segment, '') = coalesce(tenants.segment, '')
        and (costs.production or episodes.scope = 'all')
    group by 1, 2, 3, 4

),

driven as (

    {{ with_drivers('episodes', 'rows_behind') }}

),

final as (

    {{ alerts_of('driven', 'driven.seen_index >= ' ~ hour_index("cast('" ~ as_of() ~ "' as timestamp)") ~ ' - 1 - ' ~ gap) }}

)

select * from final
