-- grain: day × charge month × source × destination × whom it is for: what the bills charge and what is accrued, to the last nano. A line
-- that covers more than a day, or is charged to another month than its day's, has no day
with amounts as (

    select
        case when {{ month_of('costs.charge_day') }} = costs.charge_month then costs.charge_day end as charge_day, costs.charge_month,
        costs.source, {{ call_destination('costs') }} as destination, costs.production as direct,
        coalesce(costs.tenant_id, events.called_tenant_id) as tenant_id, coalesce(costs.feature_id, events.called_feature_id) as feature_id,
        events.prompt_version, costs.cost_nanos, costs.accrued_nanos
    from {{ ref('int_call_costs') }} as costs
    left join {{ ref('int_events') }} as events on costs.event_id = events.event_id

    union all

    select case when {{ month_of('charge_day') }} = charge_month then charge_day end, charge_month, source, destination, false, tenant_id,
        feature_id, cast(null as string), {{ nanos('reconciled_cost') }}, {{ nanos('accrued_cost') }}
    from {{ ref('int_bucket_shares') }}
    where destination <> 'out_of_scope'

    union all

    -- the distance of rounded lines to the exact sum of the bill
    select cast(null as date), {{ month_of('billing_period_start') }}, source, 'rounding', false, cast(null as string),
        cast(null as string), cast(null as string), {{ nanos('rounding_cost') }}, 0
    from {{ ref('int_statements') }}
    where rounding_cost <> 0

),

final as (

    select
        amounts.charge_day, amounts.charge_month, amounts.source, amounts.destination, amounts.direct, amounts.tenant_id, tenants.segment,
        amounts.feature_id, amounts.prompt_version, {{ isum('amounts.cost_nanos') }} as cost_nanos,
        {{ isum('amounts.accrued_nanos') }} as accrued_nanos
    from amounts
    left join {{ ref('stg_reference__tenants') }} as tenants on amounts.tenant_id = tenants.tenant_id
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9

)

select * from final
