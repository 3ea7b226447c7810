-- no usage is paid for more than it is, and its calls receive exactly what it received
select cells.usage_cell_id
from {{ ref('int_usage_cells') }} as cells
left join (
    select usage_cell_id, sum(usage_taken) as taken from {{ ref('int_matches') }} where phase = 'quantity' group by usage_cell_id
) as matches on cells.usage_cell_id = matches.usage_cell_id
left join (
    select usage_cell_id, sum(cost_nanos) as cost_nanos from {{ ref('int_cell_receipts') }} group by usage_cell_id
) as receipts on cells.usage_cell_id = receipts.usage_cell_id
left join (
    select receipts.usage_cell_id, sum(by_receipt.cost_nanos) as cost_nanos
    from (select receipt, sum(cost_nanos) as cost_nanos from {{ ref('int_call_shares') }} group by receipt) as by_receipt
    join {{ ref('int_receipts') }} as receipts on by_receipt.receipt = receipts.receipt
    group by receipts.usage_cell_id
) as shares on cells.usage_cell_id = shares.usage_cell_id
where coalesce(matches.taken, 0) > cells.quantity or coalesce(receipts.cost_nanos, 0) <> coalesce(shares.cost_nanos, 0)
