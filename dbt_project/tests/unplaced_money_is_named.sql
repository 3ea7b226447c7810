-- whatever of a bill should have reached an event and did not is named by the completeness row of its source and month, to the last digit
-- (R34)
with placed as (

    select waterfall.source, waterfall.billing_period_start as month, waterfall.destination, sum(waterfall.cost) as cost
    from {{ ref('rpt_invoice_waterfall') }} as waterfall
    join {{ ref('destinations') }} as destinations on waterfall.destination = destinations.destination
    where waterfall.section = 'destination' and destinations.in_coverage and waterfall.destination <> 'event'
    group by waterfall.source, waterfall.billing_period_start, waterfall.destination

),

named as (
    {% for destination in unplaced_destinations() %}
    select source, month, '{{ destination }}' as destination,
        {{ destination }}_cost as cost from {{ ref('fct_completeness') }} where {{ destination }}_cost <> 0
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select placed.source, placed.month, placed.destination, placed.cost, named.cost as named_cost
from placed
full join named on placed.source = named.source and placed.month = named.month and placed.destination = named.destination
where coalesce(placed.cost, {{ money("'0'") }}) <> coalesce(named.cost, {{ money("'0'") }})
