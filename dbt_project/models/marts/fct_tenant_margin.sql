with final as (

    select
        {{ key(['margins.tenant_id', 'margins.feature_id', 'margins.month']) }} as tenant_margin_id,
        margins.tenant_id, tenants.segment, margins.feature_id, margins.month,
        margins.revenue, margins.direct_cost, margins.accrued_cost, margins.shared_cost,
        margins.revenue - margins.direct_cost as contribution_margin,
        margins.revenue - margins.direct_cost - margins.shared_cost as loaded_margin,
        coverage.share_attributed, coverage.share_reconciled, coverage.share_estimated,
        case
            when coverage.share_attributed >= {{ from_nanos(var('coverage_gate_millionths') ~ ' * 1000') }} and coverage.share_reconciled >= {{ from_nanos(var('coverage_gate_millionths') ~ ' * 1000') }} then 'preliminary'
            else 'provisional'
        end as status,
        '{{ var("reporting_currency") }}' as currency
    from {{ ref('int_margins') }} as margins
    left join {{ ref('stg_reference__tenants') }} as tenants on margins.tenant_id = tenants.tenant_id
    left join {{ ref('int_coverage_months') }} as coverage on margins.month = coverage.month

)

select * from final
