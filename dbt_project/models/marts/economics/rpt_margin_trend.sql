-- grain: segment × month: margins by what kind of customer, and how much of them rests on one
with tenants as (

    select
        coalesce(segment, case when tenant_id = '(unassigned)' then tenant_id else '(none)' end) as segment, tenant_id, month,
        sum(revenue) as revenue, sum(direct_cost) as direct_cost, sum(accrued_cost) as accrued_cost, sum(shared_cost) as shared_cost,
        min(case when revenue_complete then 1 else 0 end) as complete,
        max(case when status = 'provisional' then 1 else 0 end) as provisional
    from {{ ref('fct_tenant_margin') }}
    group by 1, 2, 3

),

summed as (

    select
        segment, month, sum(revenue) as revenue, sum(direct_cost) as direct_cost, sum(accrued_cost) as accrued_cost,
        sum(shared_cost) as shared_cost, max(revenue) as top_revenue, max(direct_cost) as top_cost, min(complete) = 1 as revenue_complete,
        max(provisional) as provisional, count(distinct case when tenant_id <> '(unassigned)' then tenant_id end) as tenants
    from tenants
    group by segment, month

)

select
    {{ key(['segment', 'month']) }} as margin_trend_id,
    segment, month, tenants, revenue, direct_cost, accrued_cost, shared_cost,
    revenue - direct_cost as contribution_margin, revenue - direct_cost - shared_cost as loaded_margin,
    {{ share(nanos('revenue - direct_cost - shared_cost'), nanos('revenue')) }} as margin_rate,
    lag(revenue - direct_cost - shared_cost) over (partition by segment order by month) as previous_loaded_margin,
    {{ share(nanos('top_revenue'), nanos('revenue')) }} as top_tenant_revenue_share,
    {{ share(nanos('top_cost'), nanos('direct_cost')) }} as top_tenant_cost_share,
    revenue_complete,
    case when provisional = 1 then 'provisional' else 'preliminary' end as status,
    '{{ var("reporting_currency") }}' as currency
from summed
