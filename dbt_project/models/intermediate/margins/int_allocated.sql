-- grain: bill × charge month × destination × environment × whom it is for × whether telemetry exceeds the bill there beyond the policy
-- ratio (R13): the allocation summed over everything else. A call that names no tenant or feature has the only one its event's production
-- calls name (R26)
with amounts as (

    select
        costs.source, costs.billing_currency, costs.billing_period_start, costs.charge_month, 'call' as target_kind,
        {{ call_destination('costs') }} as destination,
        lower(costs.environment) as environment, costs.production, coalesce(costs.tenant_id, events.called_tenant_id) as tenant_id,
        coalesce(costs.feature_id, events.called_feature_id) as feature_id,
        costs.exceeds_ratio, costs.cost_nanos, costs.accrued_nanos
    from {{ ref('int_call_costs') }} as costs
    left join {{ ref('int_events') }} as events on costs.event_id = events.event_id

    union all

    select
        source, billing_currency, billing_period_start, charge_month, target_kind, destination, cast(null as string), production, tenant_id,
        feature_id, false, {{ nanos('reconciled_cost') }}, {{ nanos('accrued_cost') }}
    from {{ ref('int_bucket_shares') }}

),

final as (

    select
        source, billing_currency, billing_period_start, charge_month, target_kind, destination, environment, production, tenant_id,
        feature_id, exceeds_ratio,
        {{ from_nanos(isum('cost_nanos')) }} as reconciled_cost, {{ from_nanos(isum('accrued_nanos')) }} as accrued_cost
    from amounts
    group by source, billing_currency, billing_period_start, charge_month, target_kind, destination, environment, production, tenant_id,
        feature_id, exceeds_ratio

)

select * from final
