-- grain: tenant, declared by finance or seen in telemetry or revenue
with seen as (

    select tenant_id from {{ ref('stg_reference__tenants') }}
    union distinct
    select tenant_id from {{ ref('int_margins') }}

),

final as (

    select seen.tenant_id, tenants.name, tenants.segment, tenants.tenant_id is not null as declared
    from seen
    left join {{ ref('stg_reference__tenants') }} as tenants on seen.tenant_id = tenants.tenant_id

)

select * from final
