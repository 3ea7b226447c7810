{{ config(materialized='ephemeral') }}
-- grain: emitter whose model has prices by the hour × part of the day in which they stay the same, named by when it begins. The part that
-- lies over midnight is two rows of one name
with prices as (

    select source, model, time_from, time_to from {{ ref('stg_reference__contract_prices') }} where time_from is not null
    union distinct
    select source, model, time_from, time_to from {{ ref('stg_reference__list_prices') }} where time_from is not null

),

times as (

    select source, model, time_from as price_hour from prices
    union distinct
    select source, model, time_to from prices where time_to is not null

),

parts as (

    select
        source, model, price_hour,
        {{ micros_of_clock('price_hour') }} as begins,
        coalesce({{ micros_of_clock('lead(price_hour) over (partition by source, model order by price_hour)') }}, 86400000000) as ends,
        row_number() over (partition by source, model order by price_hour desc) as place_from_last,
        min(price_hour) over (partition by source, model) as first_hour
    from times

),

days as (

    select source, model, price_hour, begins, ends from parts
    union all
    select source, model, price_hour, 0, {{ micros_of_clock('first_hour') }} from parts where place_from_last = 1

),

final as (

    select {{ key(['placed.emitter', 'days.begins']) }} as emitter_part_id, placed.emitter, days.price_hour, days.begins, days.ends
    from {{ ref('int_placements') }} as placed
    join days on placed.source = days.source and placed.placed_model = days.model
    where days.begins < days.ends

)

select * from final
