-- which charge lines make up the cost of a bill cell, exactly
with final as (

    select
        {{ key(['bill_cell_id', 'charge_id', 'part']) }} as bridge_id,
        bill_cell_id as match_group_id, charge_id, part, {{ from_nanos('cost_nanos') }} as cost
    from {{ ref('int_cell_charges') }}

)

select * from final
