-- grain: kind × fingerprint. What was told more than once, so that the rest, nearly all, needs no ranking:
-- delivery: deliveries of one operation · call: operations with one call identity · meter: deliveries that name a meter twice.
-- Two things that share a fingerprint are here too; who reads this ranks by the whole key.
with deliveries as (

    select * from {{ ref('int_deliveries') }}

),

final as (

    select 'delivery' as kind, delivery_fingerprint as fingerprint from deliveries group by delivery_fingerprint having count(*) > 1

    union all

    select 'call', call_fingerprint from deliveries where billable group by call_fingerprint having count(*) > 1

    union all

    select distinct 'meter', delivery_fingerprint from deliveries where array_length(usage) > 1 and {{ meters_of('usage') }} < array_length(usage)

)

select * from final
