-- grain: week (its Monday) × slice: rpt_unit_costs of a week, without what needs every event ranked
with sums as (
    {{ unit_sums(week_of('day'), unit_slices()) }}
)

select
    {{ key(['period', 'slice', 'slice_value']) }} as unit_cost_week_id,
    period as week, slice, slice_value,
{{ unit_figures('sums') }},
    '{{ var("reporting_currency") }}' as currency
from sums
