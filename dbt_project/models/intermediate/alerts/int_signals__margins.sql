-- grain: tenant × month that is over and in which its revenue, known in full, did not cover its own and its shared cost. Told while the
-- next month runs
with tenants as (

    select
        tenant_id, month, {{ isum(nanos('revenue')) }} as revenue_nanos,
        {{ isum(nanos('direct_cost')) }} + {{ isum(nanos('shared_cost')) }} as cost_nanos,
        {{ isum('case when has_revenue then 1 else 0 end') }} > 0 as has_revenue
    from {{ ref('int_margins') }}
    where tenant_id <> '(unassigned)' and {{ month_of(add_days('month', 31)) }} <= {{ as_of_day() }}
    group by tenant_id, month

),

-- a gap of everybody's has no tenant
gaps as (

    select tenants.tenant_id, tenants.month
    from tenants
    join {{ ref('int_revenue_gaps') }} as gaps
        on coalesce(gaps.tenant_id, tenants.tenant_id) = tenants.tenant_id and tenants.month between gaps.first_month and gaps.last_month
    group by tenants.tenant_id, tenants.month

)

select
    'negative_margin_tenant' as kind, 'tenant' as scope, tenants.tenant_id as scope_value, cast(null as string) as step,
    {{ first_hour(month_of(add_days('tenants.month', 31))) }} as hour_index,
    {{ first_hour('least(' ~ add_days(month_of(add_days('tenants.month', 62)), -1) ~ ', ' ~ as_of_day() ~ ')') }} as last_hour_index,
    {{ first_hour(month_of(add_days('tenants.month', 31))) }} - {{ first_hour('tenants.month') }} as hours,
    tenants.revenue_nanos - tenants.cost_nanos as measured_nanos, cast(null as int64) as expected_nanos,
    coalesce(own_scope.threshold_nanos, any_scope.threshold_nanos) as threshold_nanos, tenants.cost_nanos - tenants.revenue_nanos as excess,
    tenants.cost_nanos - tenants.revenue_nanos as cost_nanos, cast(null as string) as feature_id, tenants.tenant_id,
    cast(null as string) as prompt_version, cast(null as string) as segment, cast(null as string) as source,
    '{{ var("reporting_currency") }} are left of ' || {{ decimals('tenants.revenue_nanos', 2) }} || ' of revenue' as about,
    coalesce(own_scope.ruled_owner, any_scope.ruled_owner) as ruled_owner
from tenants
{{ joined_settings('negative_margin_tenant', 'tenants.tenant_id') }}
left join gaps on tenants.tenant_id = gaps.tenant_id and tenants.month = gaps.month
where tenants.has_revenue and gaps.tenant_id is null
    and tenants.cost_nanos - tenants.revenue_nanos > coalesce(own_scope.threshold_nanos, any_scope.threshold_nanos)
    and tenants.cost_nanos - tenants.revenue_nanos >= coalesce(own_scope.minimum_nanos, any_scope.minimum_nanos)
