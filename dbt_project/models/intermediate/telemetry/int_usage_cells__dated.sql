{{ config(materialized='ephemeral') }}
-- grain: usage cell, with the days of the bill it can stand on (R16): its own, which for a batch is the one its source dates batches by,
-- and its other days; a batch has two, everything else the one its calls tell
with sources as (

    select source, max(batch_day) as batch_day from {{ ref('stg_reference__billing_sources') }} group by source

),

dated as (

    select
        cells.* replace (
            case when cells.batch = 'true' then {{ add_days('cells.charge_day', 'coalesce(sources.batch_day, 0)') }}
                else cells.charge_day end as charge_day
        ),
        cells.charge_day as ended_day
    from {{ ref('int_usage_cells__formed') }} as cells
    left join sources on cells.source = sources.source

),

final as (

    select
        * replace (case when batch = 'true' then {{ add_days('charge_day', 1) }} else other_day end as other_day),
        case when batch = 'true' then {{ add_days('charge_day', -1) }} end as second_other_day,
        case when other_day < charge_day then 'after' when other_day > charge_day then 'before' end as other_day_flag
    from dated

)

select * from final
