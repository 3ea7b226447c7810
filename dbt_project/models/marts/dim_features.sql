-- grain: feature, declared by finance or seen in telemetry or revenue
with seen as (

    select feature_id from {{ ref('stg_reference__features') }}
    union distinct
    select feature_id from {{ ref('int_margins') }}

),

final as (

    select seen.feature_id, features.name, features.owner, features.value_per_outcome, features.revenue_model, features.risk,
        features.batchable, features.feature_id is not null as declared
    from seen
    left join {{ ref('stg_reference__features') }} as features on seen.feature_id = features.feature_id

)

select * from final
