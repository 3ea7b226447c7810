{{ config(materialized='ephemeral') }}
with emitters as (

    select distinct provider, endpoint, billing_account_id
    from {{ ref('int_emitters') }}
    where billable

),

candidates as (

    select
        emitters.provider,
        emitters.endpoint,
        emitters.billing_account_id,
        mapping.source,
        row_number() over (
            partition by emitters.provider, emitters.endpoint, emitters.billing_account_id
            order by
                case when mapping.provider is null then 0 else 1 end + case when mapping.endpoint is null then 0 else 1 end
                + case when mapping.billing_account_id is null then 0 else 1 end desc,
                mapping.source
        ) as specificity_rank
    from emitters
    join {{ ref('stg_reference__billing_sources') }} as mapping
        on (mapping.provider is null or mapping.provider = emitters.provider)
        and (mapping.endpoint is null or mapping.endpoint = emitters.endpoint)
        and (mapping.billing_account_id is null or mapping.billing_account_id = emitters.billing_account_id)

),

final as (

    select provider, endpoint, billing_account_id, source from candidates where specificity_rank = 1

)

select * from final
