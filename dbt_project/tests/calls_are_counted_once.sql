{{ config(meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- no call of a day is counted there or on any other day a second time; its digest's whole numbers tell calls apart (R17). Half of them
-- leave few to compare
with alike as (

    select call_high
    from {{ ref('int_calls') }}
    where call_high in (select made.call_high from {{ ref('int_calls') }} as made where {{ of_days('made.charge_day') }})
    group by call_high
    having count(*) > 1

)

select call_high, call_low, count(*) as counted, min(charge_day) as first_day, max(charge_day) as last_day
from {{ ref('int_calls') }}
where call_high in (select alike.call_high from alike)
group by call_high, call_low
having count(*) > 1
