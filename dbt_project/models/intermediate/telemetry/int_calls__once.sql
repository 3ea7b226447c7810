{{ config(materialized='view') }}
-- grain: call. Leaf spans only, and of several operations with one call identity the one that says most about usage
with repeated as (

    select fingerprint from {{ ref('int_deliveries__repeated') }} where kind = 'call'

),

ranked as (

    select
        leaves.*,
        row_number() over (
            partition by leaves.call_identity
            order by leaves.usage_rank, array_length(leaves.usage) desc, leaves.landing_id, leaves.landing_line, leaves.record_id
        ) as identity_rank
    from {{ ref('int_leaves') }} as leaves
    join repeated on leaves.call_fingerprint = repeated.fingerprint

),

final as (

    select leaves.*, 1 as identity_rank
    from {{ ref('int_leaves') }} as leaves
    left join repeated on leaves.call_fingerprint = repeated.fingerprint
    where repeated.fingerprint is null

    union all

    select * from ranked where identity_rank = 1

)

select * from final
