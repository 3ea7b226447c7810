with placed as (

    select
        owners.source,
        owners.billing_account_id,
        coalesce(owners.sub_account_id, key_projects.sub_account_id) as sub_account_id,
        owners.on_bill
    from {{ ref('int_owners__seen') }} as owners
    left join {{ ref('int_key_projects') }} as key_projects on owners.source = key_projects.source
        and owners.api_key_id = key_projects.api_key_id

),

-- every project a row can end in, also those only a key leads to
projects as (

    select source, sub_account_id, min(case when on_bill then billing_account_id end) as billed_account_id
    from placed
    where sub_account_id is not null
    group by source, sub_account_id

),

configured as (

    select source, max(default_account_id) as default_account_id
    from {{ ref('stg_reference__billing_sources') }}
    group by source

),

final as (

    select
        projects.source,
        projects.sub_account_id,
        coalesce(projects.billed_account_id, mapping.billing_account_id, configured.default_account_id) as billing_account_id,
        mapping.environment
    from projects
    left join {{ ref('stg_reference__project_map') }} as mapping on projects.source = mapping.source
        and projects.sub_account_id = mapping.sub_account_id
    left join configured on projects.source = configured.source

)

select * from final
