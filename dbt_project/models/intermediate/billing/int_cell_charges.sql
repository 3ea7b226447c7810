-- what every charge line brings to a bill cell; a line without a cell brings it to a bucket of its own period
with lines as (

    select * from {{ ref('int_bill_lines') }}

),

final as (

    select charge_id, bill_cell_id, 'line' as part, cost_nanos from lines where part in ('quantity', 'amount')

    union all

    select charge_id, original_cell_id, 'correction', cost_nanos from {{ ref('int_corrections') }} where treatment = 'joined'

    union all

    select charge_id, bill_cell_id, 'reduction', cost_nanos from {{ ref('int_reduction_shares') }}

)

select charge_id, bill_cell_id, part, cost_nanos from final
