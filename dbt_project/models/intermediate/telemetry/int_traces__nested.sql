{{ config(materialized='by_day', day='charge_day', made_from='int_call_inputs', reads='int_day_reads') }}
-- depends_on: {{ ref('int_call_inputs') }} {{ ref('int_day_reads') }}
-- grain: day × fingerprint of a trace in which a billable span of the day has children, so that it may wrap another
with parents as (

    select parent_fingerprint from {{ ref('int_delivery_keys') }} where parent_fingerprint is not null and {{ of_read_days('charge_day') }}

),

final as (

    select distinct charge_day, trace_fingerprint
    from {{ ref('int_delivery_keys') }}
    where billable and {{ of_days('charge_day') }} and span_fingerprint in (select parent_fingerprint from parents)

)

select * from final
