-- the outcome that counts: system of record, human, evaluator, SDK; then the latest
with ranked as (

    select
        *,
        row_number() over (
            partition by event_id
            order by case emitter when 'system_of_record' then 0 when 'human' then 1 when 'evaluator' then 2 else 3 end,
                occurred_at desc, outcome desc, landing_id, landing_line
        ) as precedence
    from {{ ref('stg_telemetry__outcomes') }}

),

final as (

    select event_id, outcome, emitter, occurred_at, outcome_value, value_currency, confidence, reason from ranked where precedence = 1

)

select * from final
