{{ config(meta={'day': 'charge_day', 'made_from': 'int_share_inputs'}) }}
-- depends_on: {{ ref('int_share_inputs') }}
-- the calls of a cell share exactly what it received, each once: an allocation is named by a receipt and a call. A second share of the two
-- is no amount (int_call_shares), and one more than the cell has usages is one too many (R17)
with shares as (

    select receipt, sum(cost_nanos) as cost_nanos, sum(accrued_nanos) as accrued_nanos, count(*) as shares, count(cost_nanos) as amounts
    from {{ ref('int_call_shares') }}
    where {{ of_days('charge_day') }}
    group by receipt

),

receipts as (

    select receipts.receipt, receipts.receipt_id, receipts.sign * receipts.amount as cost_nanos, receipts.accrued as accrued_nanos,
        cells.calls
    from {{ ref('int_receipts') }} as receipts
    left join {{ ref('int_usage_cells') }} as cells on receipts.cell = cells.cell
    where {{ of_days('receipts.ended_day') }}

)

select
    receipts.receipt_id, shares.receipt as shared_receipt, receipts.cost_nanos, shares.cost_nanos as shared_nanos,
    receipts.accrued_nanos, shares.accrued_nanos as shared_accrued_nanos, receipts.calls, shares.shares, shares.amounts
from receipts
full outer join shares on receipts.receipt = shares.receipt
where receipts.cost_nanos is distinct from shares.cost_nanos or receipts.accrued_nanos is distinct from shares.accrued_nanos
    or receipts.calls is distinct from shares.shares or receipts.calls is distinct from shares.amounts
