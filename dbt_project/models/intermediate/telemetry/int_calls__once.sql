{{ config(materialized='ephemeral') }}
-- grain: call. Nearly all are told once and only pass by here; the contested ones are decided already
with contested as (

    select distinct delivery_fingerprint from {{ ref('int_deliveries__contested') }} where {{ of_days('charge_day') }}

),

{% set columns = told_of_calls() %}
final as (

    select cast(deliveries.ended_at as date) as charge_day, {{ listed(columns, 'deliveries.') }}
    from {{ ref('int_deliveries') }} as deliveries
    left join contested on deliveries.delivery_fingerprint = contested.delivery_fingerprint
    left join {{ ref('int_spans__wrapping') }} as wrapping
        on cast(deliveries.ended_at as date) = wrapping.charge_day and deliveries.trace_id = wrapping.trace_id and deliveries.span_id = wrapping.span_id and {{ of_days('wrapping.charge_day') }}
    where {{ within_days('deliveries.ended_at') }} and deliveries.billable
        and contested.delivery_fingerprint is null and wrapping.span_id is null

    union all

    select charge_day, {{ listed(columns) }} from {{ ref('int_calls__contested') }} where {{ of_days('charge_day') }}

)

select * from final
