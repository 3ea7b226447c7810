-- grain: day × emitter whose model costs more above a prompt size: that size, in tokens (R32)
with emitters as (

    select distinct charge_day, provider, {{ fingerprint(emitter_columns()) }} as emitter from {{ ref('int_emitters') }}

),

candidates as (

    select
        emitters.charge_day, emitters.emitter, thresholds.threshold,
        row_number() over (
            partition by emitters.charge_day, emitters.emitter
            order by case when thresholds.provider is null then 1 else 0 end, thresholds.valid_from desc nulls last, thresholds.version desc
        ) as threshold_rank
    from emitters
    join {{ ref('int_placements') }} as placed on emitters.emitter = placed.emitter
    join {{ ref('stg_reference__context_thresholds') }} as thresholds
        on placed.placed_model = thresholds.model and (thresholds.provider is null or thresholds.provider = emitters.provider)
        and (thresholds.valid_from is null or thresholds.valid_from <= emitters.charge_day)
        and (thresholds.valid_to is null or emitters.charge_day < thresholds.valid_to)

),

final as (

    -- the row that counts may say that there is none
    select {{ key(['charge_day', 'emitter']) }} as day_emitter_id, charge_day, emitter,
        threshold from candidates where threshold_rank = 1 and threshold is not null

)

select * from final
