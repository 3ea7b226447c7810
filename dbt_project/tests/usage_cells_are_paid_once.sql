-- no usage is paid for more than it is, and what its calls receive is what it received (R11)
select cells.usage_cell_id, cells.quantity, matches.taken, received.cost_nanos, receipts.cost_nanos as shared_nanos
from {{ ref('int_usage_cells') }} as cells
left join (
    select usage_cell_id, sum(usage_taken) as taken from {{ ref('int_matches') }} where phase = 'quantity' group by usage_cell_id
) as matches on cells.usage_cell_id = matches.usage_cell_id
left join (
    select usage_cell_id, sum(cost_nanos) as cost_nanos from {{ ref('int_cell_receipts') }} group by usage_cell_id
) as received on cells.usage_cell_id = received.usage_cell_id
left join (
    select usage_cell_id, sum(sign * amount) as cost_nanos from {{ ref('int_receipts') }} group by usage_cell_id
) as receipts on cells.usage_cell_id = receipts.usage_cell_id
where coalesce(matches.taken, 0) > cells.quantity or coalesce(received.cost_nanos, 0) <> coalesce(receipts.cost_nanos, 0)
