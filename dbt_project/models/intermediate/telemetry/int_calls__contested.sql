{{ config(materialized='by_day', day='charge_day', made_from='int_call_inputs', reads='int_day_reads') }}
-- depends_on: {{ ref('int_call_inputs') }} {{ ref('int_day_reads') }}
-- grain: call that several deliveries or operations tell of, as told by the one that counts (R17): of several deliveries of one
-- operation the one that says most about usage, of several operations with one call identity likewise, and no operation that wraps another
with told as (

    select deliveries.*, cast(deliveries.ended_at as date) as charge_day
    from {{ ref('int_deliveries') }} as deliveries
    where {{ within_read_days('deliveries.ended_at') }}
        and deliveries.delivery_fingerprint in (
            select delivery_fingerprint from {{ ref('int_deliveries__contested') }} where {{ of_read_days('charge_day') }}
        )

),

delivered as (

    select
        *,
        row_number() over (partition by delivery_key order by usage_rank, array_length(usage) desc, ended_at, landing_id, landing_line, record_id) as delivery_rank
    from told

),

leaves as (

    select delivered.*
    from delivered
    left join {{ ref('int_spans__wrapping') }} as wrapping
        on delivered.charge_day = wrapping.charge_day and delivered.trace_id = wrapping.trace_id and delivered.span_id = wrapping.span_id and {{ of_read_days('wrapping.charge_day') }}
    where delivered.delivery_rank = 1 and delivered.billable and wrapping.span_id is null

),

called as (

    select
        *,
        row_number() over (partition by call_identity order by usage_rank, array_length(usage) desc, ended_at, landing_id, landing_line, record_id) as identity_rank
    from leaves

),

final as (

    select * from called where identity_rank = 1 and {{ of_days('charge_day') }}

)

select * from final
