-- how far revenue is known, of a tenant and month: what costs belong to no tenant earn nothing
with months_of_tenants as (

    select tenant_id, month, {{ isum('case when has_revenue then 1 else 0 end') }} > 0 as has_revenue
    from {{ ref('int_margins') }}
    where tenant_id <> '(unassigned)'
    group by tenant_id, month

),

incomplete as (

    select earners.tenant_id, earners.month, earners.has_revenue
    from months_of_tenants as earners
    join {{ ref('int_revenue_gaps') }} as gaps on earners.tenant_id = gaps.tenant_id and earners.month
        between gaps.first_month and gaps.last_month
    union distinct
    select earners.tenant_id, earners.month, earners.has_revenue
    from months_of_tenants as earners
    join {{ ref('int_revenue_gaps') }} as gaps on gaps.tenant_id is null and earners.month between gaps.first_month and gaps.last_month

),

-- revenue of which nothing is known is not 0
earned as (

    select
        margins.* replace (case when coalesce(incomplete.has_revenue, true) then margins.revenue end as revenue),
        incomplete.tenant_id is null as revenue_complete
    from {{ ref('int_margins') }} as margins
    left join incomplete on margins.tenant_id = incomplete.tenant_id and margins.month = incomplete.month

),

covered as (

    select
        {{ key(['margins.tenant_id', 'margins.feature_id', 'margins.month']) }} as tenant_margin_id,
        margins.tenant_id, tenants.segment, margins.feature_id, margins.month,
        margins.revenue, margins.direct_cost, margins.accrued_cost, margins.shared_cost,
        margins.revenue - margins.direct_cost as contribution_margin,
        margins.revenue - margins.direct_cost - margins.shared_cost as loaded_margin, margins.revenue_complete,
        sources.share_attributed as sources_share_attributed, sources.share_reconciled as sources_share_reconciled,
{{ coverage_beside('own', 'months') }}
    from earned as margins
    left join {{ ref('stg_reference__tenants') }} as tenants on margins.tenant_id = tenants.tenant_id
    left join {{ ref('int_coverage') }} as months on months.scope = 'month' and margins.month = months.month
    left join {{ ref('int_source_coverage') }} as sources
        on margins.tenant_id = sources.tenant_id and margins.feature_id = sources.feature_id and margins.month = sources.month
    left join {{ ref('int_coverage') }} as own
        on own.scope = 'tenant_feature' and margins.month = own.month and margins.tenant_id = own.tenant_id
            and margins.feature_id = own.feature_id

),

final as (

    select
        *, {{ share(nanos('loaded_margin'), nanos('revenue')) }} as margin_rate, {{ status_of('covered') }} as status,
        {{ status_of('covered', least_of=['own_share', 'sources_share']) }} as status_by_sources,
        '{{ var("reporting_currency") }}' as currency
    from covered

)

select * from final
