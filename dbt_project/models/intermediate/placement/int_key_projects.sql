with seen as (

    select source, api_key_id, min(case when on_bill then sub_account_id end) as billed_sub_account_id
    from {{ ref('int_owners__seen') }}
    where api_key_id is not null
    group by source, api_key_id

),

final as (

    select
        seen.source,
        seen.api_key_id,
        coalesce(seen.billed_sub_account_id, mapping.sub_account_id, concat('(key) ', seen.api_key_id)) as sub_account_id,
        mapping.environment
    from seen
    left join {{ ref('stg_reference__key_map') }} as mapping on seen.source = mapping.source and seen.api_key_id = mapping.api_key_id

)

select * from final
