-- lines, corrections and reductions of a bill cell sum to its cost
select cells.bill_cell_id
from {{ ref('int_bill_cells') }} as cells
left join (
    select match_group_id, sum(cost) as cost from {{ ref('bridge_match_group_charge') }} group by match_group_id
) as bridge on cells.bill_cell_id = bridge.match_group_id
where {{ from_nanos('cells.cost_nanos') }} <> coalesce(bridge.cost, {{ money("'0'") }})
