{{ config(materialized='view') }}
-- grain: operation. At-least-once delivery: of several deliveries of one operation the one that says most about usage is kept
with repeated as (

    select fingerprint from {{ ref('int_deliveries__repeated') }} where kind = 'delivery'

),

ranked as (

    select
        deliveries.*,
        row_number() over (
            partition by deliveries.delivery_key
            order by deliveries.usage_rank, array_length(deliveries.usage) desc, deliveries.landing_id, deliveries.landing_line, deliveries.record_id
        ) as delivery_rank
    from {{ ref('int_deliveries') }} as deliveries
    join repeated on deliveries.delivery_fingerprint = repeated.fingerprint

),

final as (

    select deliveries.*, 1 as delivery_rank
    from {{ ref('int_deliveries') }} as deliveries
    left join repeated on deliveries.delivery_fingerprint = repeated.fingerprint
    where repeated.fingerprint is null

    union all

    select * from ranked where delivery_rank = 1

)

select * from final
