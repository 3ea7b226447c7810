-- R17: INT64 suffices while D ≤ 9·10¹² and |B| ≤ 9·10⁹ in currency units
select 'bill cell' as what, bill_cell_id as cell_id from {{ ref('int_bill_cells') }}
where abs(cost_nanos) > 9000000000000000000 or quantity > 9000000000000
union all
select 'usage cell', usage_cell_id from {{ ref('int_usage_cells') }} where quantity > 9000000000000
