-- what is true of every cell before its money goes to calls; each row says of which cell what does not hold
with bill_cells as (

    select
        cells.bill_cell_id as cell, cells.cost_nanos, cells.quantity,
        coalesce(given.cost_nanos, 0) + coalesce(rests.cost_nanos, 0) as spent_nanos, coalesce(given.quantity, 0) as quantity_given,
        coalesce(bridge.cost, {{ money("'0'") }}) as bridge_cost
    from {{ ref('int_bill_cells') }} as cells
    left join (
        select bill_cell_id, sum(cost_nanos) as cost_nanos, sum(quantity) as quantity from {{ ref('int_matches') }} group by bill_cell_id
    ) as given on cells.bill_cell_id = given.bill_cell_id
    left join (
        select bill_cell_id, sum(cost_nanos) as cost_nanos from {{ ref('int_bill_cell_rests') }} group by bill_cell_id
    ) as rests on cells.bill_cell_id = rests.bill_cell_id
    left join (
        select match_group_id, sum(cost) as cost from {{ ref('bridge_match_group_charge') }} group by match_group_id
    ) as bridge on cells.bill_cell_id = bridge.match_group_id

),

usage_cells as (

    select
        cells.usage_cell_id as cell, cells.quantity, coalesce(matches.taken, 0) as taken,
        coalesce(received.cost_nanos, 0) as received_nanos, coalesce(receipts.cost_nanos, 0) as receipts_nanos
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

),

final as (

    select 'the cost of a bill cell is what it gave and what of it went to buckets' as invariant, cell,
        {{ text('cost_nanos') }} as expected, {{ text('spent_nanos') }} as found
    from bill_cells where cost_nanos <> spent_nanos

    union all

    select 'a bill cell gives no more than its quantity, and none where more was taken back than used (R15)', cell, {{ text('quantity') }},
        {{ text('quantity_given') }}
    from bill_cells where quantity_given > greatest(coalesce(quantity, quantity_given), 0)

    union all

    select 'lines, corrections and reductions of a bill cell sum to its cost', cell, {{ text(from_nanos('cost_nanos')) }},
        {{ text('bridge_cost') }}
    from bill_cells where {{ from_nanos('cost_nanos') }} <> bridge_cost

    union all

    select 'no usage is paid for more than it is (R11)', cell, {{ text('quantity') }}, {{ text('taken') }}
    from usage_cells where taken > quantity

    union all

    select 'receipts of a usage cell are what it received', cell, {{ text('received_nanos') }}, {{ text('receipts_nanos') }}
    from usage_cells where received_nanos <> receipts_nanos

    union all

    select 'cost and quantity of a cell fit INT64: at most 9·10⁹ of currency and 9·10¹² units (R17)', cell, '9000000000000000000',
        {{ text('cost_nanos') }}
    from bill_cells where abs(cost_nanos) > 9000000000000000000 or quantity > 9000000000000

    union all

    select 'cost and quantity of a cell fit INT64: at most 9·10⁹ of currency and 9·10¹² units (R17)', cell, '9000000000000',
        {{ text('quantity') }}
    from usage_cells where quantity > 9000000000000

)

select * from final
