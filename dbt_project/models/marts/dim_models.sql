-- grain: source × model, as the bill or telemetry names it after aliases
with seen as (

    select source, model, true as on_bill, false as in_telemetry from {{ ref('int_bill_lines') }} where model is not null
    union all
    select source, model, false, true from {{ ref('int_usage_cells') }} where model is not null

),

final as (

    select
        {{ key(['source', 'model']) }} as source_model_id,
        source, model,
        max(case when on_bill then 1 else 0 end) = 1 as on_bill,
        max(case when in_telemetry then 1 else 0 end) = 1 as in_telemetry
    from seen
    group by source, model

)

select * from final
