with deliveries as (

    select
        *,
        case
            when trace_id is not null and span_id is not null then concat('span|', lower(trace_id), '|', lower(span_id))
            else concat('record|', telemetry_source, '|', record_id)
        end as delivery_key,
        case usage_source when 'provider' then 0 when 'estimated' then 1 else 2 end as usage_rank
    from {{ ref('stg_telemetry__calls') }}

),

-- at-least-once delivery: of several deliveries of one operation the one that says most about usage is kept
ranked as (

    select
        *,
        row_number() over (partition by delivery_key order by usage_rank, array_length(usage) desc, landing_id, landing_line, record_id) as delivery_rank
    from deliveries

),

final as (

    select * from ranked where delivery_rank = 1

)

select * from final
