{{ config(meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- no call of a day is counted there or on any other day a second time; its digest's whole numbers tell calls apart (R17)
with made as (

    select distinct call_high, call_low from {{ ref('int_calls') }} where {{ of_days('charge_day') }}

)

select calls.call_high, calls.call_low, count(*) as counted, min(calls.charge_day) as first_day, max(calls.charge_day) as last_day
from {{ ref('int_calls') }} as calls
join made on calls.call_high = made.call_high and calls.call_low = made.call_low
group by calls.call_high, calls.call_low
having count(*) > 1
