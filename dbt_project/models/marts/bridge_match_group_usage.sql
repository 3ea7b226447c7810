-- which bill cell paid which usage cell, in which pass
with final as (

    select
        {{ key(['matches.bill_cell_id', 'matches.usage_cell_id', 'matches.phase']) }} as bridge_id,
        matches.bill_cell_id as bill_match_group_id, matches.usage_cell_id as match_group_id, matches.phase, matches.stage, matches.met_by,
        matches.pass, matches.turn,
        matches.quantity, {{ from_nanos('matches.cost_nanos') }} as cost
    from {{ ref('int_matches') }} as matches

)

select * from final
