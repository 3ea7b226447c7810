with seen as (

    select provider, model from {{ ref('int_emitters') }} where model is not null group by provider, model
    union distinct
    select provider, model from {{ ref('stg_billing__charges') }} where model is not null group by provider, model

),

candidates as (

    select
        seen.provider,
        seen.model as alias,
        aliases.model,
        row_number() over (partition by seen.provider, seen.model order by case when aliases.provider is null then 1 else 0 end, aliases.model) as specificity_rank
    from seen
    join {{ ref('stg_reference__model_aliases') }} as aliases
        on seen.model = aliases.alias and (aliases.provider is null or aliases.provider = seen.provider)

),

final as (

    select provider, alias, model from candidates where specificity_rank = 1

)

select * from final
