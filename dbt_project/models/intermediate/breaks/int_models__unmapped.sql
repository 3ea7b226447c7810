-- grain: source × model that only the bill or only telemetry names, and that no price and no alias knows: the nearest name that the other
-- side or a price knows
with seen as (

    select source, model, meter, true as on_bill, false as in_telemetry
    from {{ ref('int_bill_lines') }}
    where model is not null and destination = '(matching)'
    union all
    select source, model, meter, false, true from {{ ref('int_usage_cells') }} where model is not null and source <> '(none)'

),

named as (

    select
        source, model,
        max(case when on_bill then 1 else 0 end) = 1 as on_bill,
        max(case when in_telemetry then 1 else 0 end) = 1 as in_telemetry
    from seen
    -- a search tool is billed under its own words, which are no name of a model
    where meter <> 'searches'
    group by source, model

),

declared as (

    select source, model from {{ ref('stg_reference__contract_prices') }}
    union distinct
    select source, model from {{ ref('stg_reference__list_prices') }}
    union distinct
    select named.source, aliases.model from named join {{ ref('stg_reference__model_aliases') }} as aliases on named.model = aliases.model

),

unmapped as (

    select named.source, named.model, named.on_bill, named.in_telemetry
    from named
    left join declared on named.source = declared.source and named.model = declared.model
    where declared.model is null and named.on_bill <> named.in_telemetry

),

-- two names on one bill are two models; another name of one is told by the other side, or by a price
known as (

    select source, model, true as on_bill, true as in_telemetry from declared
    union distinct
    select source, model, on_bill, in_telemetry from named

),

near as (

    select
        unmapped.source, unmapped.model, known.model as nearest,
        row_number() over (
            partition by unmapped.source, unmapped.model
            order by {{ edit_distance('lower(unmapped.model)', 'lower(known.model)') }}, known.model
        ) as place
    from unmapped
    join known on unmapped.source = known.source and unmapped.model <> known.model
        and (unmapped.on_bill and known.in_telemetry or unmapped.in_telemetry and known.on_bill)

),

final as (

    select {{ key(['unmapped.source', 'unmapped.model']) }} as source_model_id, unmapped.source, unmapped.model, near.nearest,
        unmapped.on_bill, unmapped.in_telemetry
    from unmapped
    left join near on unmapped.source = near.source and unmapped.model = near.model and near.place = 1

)

select * from final
