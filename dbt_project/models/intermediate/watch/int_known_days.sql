-- grain: day on which anything at all was called: of any other it is not known what was usual
select distinct {{ idiv('hour_index', '24') }} as day_index from {{ ref('int_cost_hours') }} where calls > 0
