-- Σ BilledCost = Σ bridge + Σ destinations, difference exactly 0 (R5)
select source, billing_period_start, billing_currency, sum(case when section = 'billed' then cost else -cost end) as difference
from {{ ref('rpt_invoice_waterfall') }}
group by source, billing_period_start, billing_currency
having sum(case when section = 'billed' then cost else -cost end) <> 0
