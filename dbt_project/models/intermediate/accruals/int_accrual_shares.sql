-- the part of an accrual that calls carry, by usage cell: weight is what the cell still expects
with weighted as (

    select
        accruals.accrual_id, cells.usage_cell_id, cells.cell_order, accruals.on_calls_accrued_nanos as amount,
        {{ micro_weight('cells.expected_nanos - coalesce(receipts.cost_nanos, 0)') }} as weight
    from {{ ref('int_usage_cells') }} as cells
    join {{ ref('int_cell_keys') }} as keys on keys.side = 'usage' and cells.usage_cell_id = keys.cell_id
    join {{ ref('int_accruals') }} as accruals on keys.reconciliation_id = accruals.accrual_id
    left join (select usage_cell_id, {{ isum('cost_nanos') }} as cost_nanos from {{ ref('int_cell_receipts') }}
        group by usage_cell_id) as receipts
        on cells.usage_cell_id = receipts.usage_cell_id
    where cells.expected_nanos is not null and accruals.on_calls_accrued_nanos > 0

),

final as (

    select accrual_id, usage_cell_id, share as accrued_nanos from {{ carved_by_weight('weighted', 'accrual_id', 'cell_order') }} as shares

)

select * from final
