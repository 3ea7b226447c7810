-- what a bill cell gave and what of it went to buckets is its cost; it gives no more than its quantity, and none where
-- more was taken back than used (R15)
select cells.bill_cell_id
from {{ ref('int_bill_cells') }} as cells
left join (
    select bill_cell_id, sum(cost_nanos) as cost_nanos, sum(quantity) as quantity from {{ ref('int_matches') }} group by bill_cell_id
) as given on cells.bill_cell_id = given.bill_cell_id
left join (
    select bill_cell_id, sum(cost_nanos) as cost_nanos from {{ ref('int_bill_cell_rests') }} group by bill_cell_id
) as rests on cells.bill_cell_id = rests.bill_cell_id
where cells.cost_nanos <> coalesce(given.cost_nanos, 0) + coalesce(rests.cost_nanos, 0)
    or coalesce(given.quantity, 0) > greatest(coalesce(cells.quantity, given.quantity, 0), 0)
