-- the list of destinations is closed (R5)
with named as (

    select destination from {{ ref('int_bucket_shares') }}
    union distinct
    select {{ call_destination('costs') }} from {{ ref('int_call_costs') }} as costs

)

select named.destination
from named
left join {{ ref('destinations') }} as destinations on named.destination = destinations.destination
where destinations.destination is null
