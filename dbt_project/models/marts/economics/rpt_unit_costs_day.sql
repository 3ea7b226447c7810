-- grain: day × slice: rpt_unit_costs of a day, without what needs every event ranked
with sums as (
    {{ unit_sums('day', unit_slices()) }}
)

select
    {{ key(['period', 'slice', 'slice_value']) }} as unit_cost_day_id,
    period as day, slice, slice_value,
{{ unit_figures('sums') }},
    '{{ var("reporting_currency") }}' as currency
from sums
