-- a call is counted once; its digest's whole numbers tell calls apart (R17)
select call_high, call_low from {{ ref('int_calls') }} group by call_high, call_low having count(*) > 1
