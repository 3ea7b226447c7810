-- grain: scope of a budget × charge month × day: what the bills charge and what is accrued. `all` is everything but what finance takes
-- out; tenant, feature and segment have the cost of production calls (R26). A line that covers more than a day has no day
{% set scopes = {'all': "'all'", 'tenant': 'tenant_id', 'feature': 'feature_id', 'segment': 'segment'} %}
with amounts as (

    select
        case when {{ month_of('costs.charge_day') }} = costs.charge_month then costs.charge_day end as charge_day, costs.charge_month,
        costs.production as direct, coalesce(costs.tenant_id, events.called_tenant_id) as tenant_id,
        coalesce(costs.feature_id, events.called_feature_id) as feature_id, costs.cost_nanos, costs.accrued_nanos
    from {{ ref('int_call_costs') }} as costs
    left join {{ ref('int_events') }} as events on costs.event_id = events.event_id

    union all

    select charge_day, charge_month, false, tenant_id, feature_id, {{ nanos('reconciled_cost') }}, {{ nanos('accrued_cost') }}
    from {{ ref('int_bucket_shares') }}
    where destination <> 'out_of_scope'

),

summed as (

    select
        amounts.charge_day, amounts.charge_month, amounts.direct, amounts.tenant_id, amounts.feature_id, tenants.segment,
        {{ isum('amounts.cost_nanos') }} as cost_nanos, {{ isum('amounts.accrued_nanos') }} as accrued_nanos
    from amounts
    left join {{ ref('stg_reference__tenants') }} as tenants on amounts.tenant_id = tenants.tenant_id
    group by 1, 2, 3, 4, 5, 6

),

final as (
    {% for scope, column in scopes.items() %}
    select
        '{{ scope }}' as scope, {{ column }} as scope_value, charge_month, charge_day,
        {{ isum('cost_nanos') }} as cost_nanos, {{ isum('accrued_nanos') }} as accrued_nanos
    from summed
    {{ 'where direct and ' ~ column ~ ' is not null' if scope != 'all' }}
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select * from final
