-- grain: kind × key: models that only one side names and nothing maps, with the nearest name (R19); on a bill they are worth what it says
with costs as (

    select source, model, sum(effective_cost) as cost from {{ ref('int_charges') }} where destination = '(matching)' group by source, model

),

final as (

    select
        'unmapped' as kind, unmapped.source, cast(null as date) as charge_day, {{ named(['source', 'model'], 'unmapped.') }} as break_key,
        {{ money('null') }} as quantity, {{ money('costs.cost') }} as amount,
        concat(
            case when unmapped.on_bill then 'only the bill' else 'only telemetry' end, ' names it; the nearest known name is ',
                unmapped.nearest,
            '. If they are one, say so in reference/model_aliases.csv'
        ) as note,
        cast(null as string) as reconciliation_id
    from {{ ref('int_models__unmapped') }} as unmapped
    left join costs on unmapped.source = costs.source and unmapped.model = costs.model and unmapped.on_bill
    -- where nothing else is known there is nothing it could be another name of
    where unmapped.nearest is not null

)

select * from final
