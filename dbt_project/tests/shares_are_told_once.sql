-- a call receives one share of a receipt, so an allocation is named by the two
select charge_day, receipt, call_high, call_low from {{ ref('int_call_shares') }} group by charge_day, receipt, call_high,
    call_low having count(*) > 1
