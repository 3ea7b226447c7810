with covered as (

    select
        {{ key(['margins.tenant_id', 'margins.feature_id', 'margins.month']) }} as tenant_margin_id,
        margins.tenant_id, tenants.segment, margins.feature_id, margins.month,
        margins.revenue, margins.direct_cost, margins.accrued_cost, margins.shared_cost,
        margins.revenue - margins.direct_cost as contribution_margin,
        margins.revenue - margins.direct_cost - margins.shared_cost as loaded_margin,
        {{ coverage_beside('own', 'months') }}
    from {{ ref('int_margins') }} as margins
    left join {{ ref('stg_reference__tenants') }} as tenants on margins.tenant_id = tenants.tenant_id
    left join {{ ref('int_coverage') }} as months on months.scope = 'month' and margins.month = months.month
    left join {{ ref('int_coverage') }} as own
        on own.scope = 'tenant_feature' and margins.month = own.month and margins.tenant_id = own.tenant_id and margins.feature_id = own.feature_id

),

final as (

    select
        *,
        case
            when share_attributed >= {{ from_nanos(var('coverage_gate_millionths') ~ ' * 1000') }} and share_reconciled >= {{ from_nanos(var('coverage_gate_millionths') ~ ' * 1000') }} then 'preliminary'
            else 'provisional'
        end as status,
        '{{ var("reporting_currency") }}' as currency
    from covered

)

select * from final
