{{ config(materialized='by_day', day='charge_day', made_from='int_call_inputs', reads='int_day_reads') }}
-- depends_on: {{ ref('int_call_inputs') }} {{ ref('int_day_reads') }}
-- grain: fingerprint of deliveries of one operation that several deliveries or several operations tell of, so that the rest, nearly all,
-- is neither ranked nor held. Two operations that share a fingerprint are here too; who reads this ranks by the whole key
with keys as (

    select * from {{ ref('int_delivery_keys') }} where {{ of_read_days('charge_day') }}

),

delivered as (

    select delivery_fingerprint from keys group by delivery_fingerprint having count(*) > 1

),

called as (

    select call_fingerprint from keys where billable group by call_fingerprint having count(*) > 1

),

final as (

    select distinct charge_day, delivery_fingerprint
    from keys
    where delivery_fingerprint in (select delivery_fingerprint from delivered)
    union distinct
    select distinct charge_day, delivery_fingerprint
    from keys
    where billable and call_fingerprint in (select call_fingerprint from called)

)

select * from final where {{ of_days('charge_day') }}
