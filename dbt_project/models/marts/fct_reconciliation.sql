-- grain: source, model, meter, price dimensions the bill tells, and charge day (month-long lines: no day, their month).
-- variance = billed − expected at contract price, as the exact sum of the components of R19
{% set told = [] %}{% for dimension in price_dimensions() %}{% do told.append('told_' ~ dimension) %}{% endfor %}
{% set group = ['source', 'model', 'meter'] + told + ['charge_day', 'charge_month'] %}
{% set components = variance_components() %}
with bill_cells as (

    select * from {{ ref('int_bill_cells') }} where in_matching

),

usage_cells as (

    select *, {{ month_of('charge_day') }} as charge_month from {{ ref('int_usage_cells') }}

),

flows as (

    select
        matches.*,
        (bill_cells.charge_day is not distinct from usage_cells.charge_day) as same_day,
        case matches.phase
            when 'quantity' then {{ nano_value('matches.usage_taken', 'usage_cells.scale_factor', 'usage_cells.expected_price') }}
            else matches.usage_taken * 1000
        end as expected_nanos
    from {{ ref('int_matches') }} as matches
    join bill_cells on matches.bill_cell_id = bill_cells.bill_cell_id
    join usage_cells on matches.usage_cell_id = usage_cells.usage_cell_id

),

-- the bill's side: what was billed, and what of it left for other days or for nobody
given as (

    select bill_cell_id, {{ isum('case when same_day then 0 else cost_nanos end') }} as timing_nanos, max(pass) as last_pass
    from flows
    group by bill_cell_id

),

rests as (

    select
        rests.bill_cell_id{% for component in ['missing_telemetry', 'rounding', 'unexplained'] %},
        {{ isum("case when destinations.variance_component = '" ~ component ~ "' then rests.cost_nanos else 0 end") }} as {{ component }}_nanos{% endfor %}
    from {{ ref('int_bill_cell_rests') }} as rests
    join {{ ref('destinations') }} as destinations on rests.destination = destinations.destination
    group by rests.bill_cell_id

),

bill_side as (

    select
        {{ listed(group, 'cells.') }}, cells.cost_nanos as billed_nanos, cast(0 as int64) as expected_nanos,
        coalesce(rests.missing_telemetry_nanos, 0) as missing_telemetry, coalesce(given.timing_nanos, 0) as timing,
        cast(0 as int64) as quantity, cast(0 as int64) as price, cast(0 as int64) as unpriced,
        coalesce(rests.rounding_nanos, 0) as rounding, coalesce(rests.unexplained_nanos, 0) as unexplained,
        1 as bill_cells, coalesce(given.last_pass, 0) as last_pass
    from bill_cells as cells
    left join given on cells.bill_cell_id = given.bill_cell_id
    left join rests on cells.bill_cell_id = rests.bill_cell_id

),

-- telemetry's side: what was expected, what it was paid, what nobody billed
taken as (

    select
        usage_cell_id,
        {{ isum('case when same_day then cost_nanos else 0 end') }} as same_day_nanos,
        {{ isum('case when same_day then expected_nanos else 0 end') }} as same_day_expected_nanos,
        {{ isum('case when same_day then 0 else expected_nanos end') }} as other_day_expected_nanos,
        {{ isum("case when phase = 'quantity' then usage_taken else 0 end") }} as quantity_taken,
        max(case when phase = 'money' then 1 else 0 end) as paid_in_money,
        max(pass) as last_pass
    from flows
    group by usage_cell_id

),

usage_rests as (

    select
        cells.*,
        coalesce(taken.same_day_nanos, 0) as same_day_nanos,
        coalesce(taken.same_day_expected_nanos, 0) as same_day_expected_nanos,
        coalesce(taken.other_day_expected_nanos, 0) as other_day_expected_nanos,
        coalesce(cells.expected_nanos, 0) - coalesce(taken.same_day_expected_nanos, 0) - coalesce(taken.other_day_expected_nanos, 0) as rest_nanos,
        cells.quantity - coalesce(taken.quantity_taken, 0) as left_quantity,
        coalesce(taken.paid_in_money, 0) = 1 as paid_in_money,
        coalesce(taken.last_pass, 0) as last_pass
    from usage_cells as cells
    left join taken on cells.usage_cell_id = taken.usage_cell_id

),

usage_side as (

    select
        {{ listed(group) }}, cast(0 as int64) as billed_nanos, coalesce(expected_nanos, 0) as expected_nanos,
        cast(0 as int64) as missing_telemetry, -other_day_expected_nanos as timing,
        case when left_quantity > 0 and not paid_in_money then -rest_nanos else 0 end as quantity,
        case when expected_price is null then 0 else same_day_nanos - same_day_expected_nanos - case when paid_in_money then rest_nanos else 0 end end as price,
        case when expected_price is null then same_day_nanos else 0 end as unpriced,
        case when left_quantity = 0 and not paid_in_money then -rest_nanos else 0 end as rounding,
        cast(0 as int64) as unexplained,
        0 as bill_cells, last_pass
    from usage_rests

),

-- charges that meet no telemetry stand in rows of their own
other_side as (

    select
        {{ listed(group, 'cells.') }}, cells.cost_nanos as billed_nanos{% for component in ['tax', 'credit', 'fees', 'unexplained'] %},
        case when destinations.variance_component = '{{ component }}' then cells.cost_nanos else 0 end as {{ component }}{% endfor %}
    from {{ ref('int_bill_cells') }} as cells
    join {{ ref('destinations') }} as destinations on cells.destination = destinations.destination
    where not cells.in_matching and destinations.variance_component <> 'none'

),

sides as (

    select {{ listed(group) }}, billed_nanos, expected_nanos, missing_telemetry, timing, quantity, price, 0 as tax, 0 as credit, 0 as fees, unpriced, rounding, unexplained, bill_cells, last_pass from bill_side
    union all
    select {{ listed(group) }}, billed_nanos, expected_nanos, missing_telemetry, timing, quantity, price, 0, 0, 0, unpriced, rounding, unexplained, bill_cells, last_pass from usage_side
    union all
    select {{ listed(group) }}, billed_nanos, 0, 0, 0, 0, 0, tax, credit, fees, 0, 0, unexplained, 1, 0 from other_side

),

summed as (

    select
        {{ listed(group) }},
        {{ isum('billed_nanos') }} as billed_nanos, {{ isum('expected_nanos') }} as expected_nanos,
        cast(0 as int64) as duplicate,
        {{ isum('missing_telemetry') }} as missing_telemetry,
        case when sum(bill_cells) = 0 then {{ isum('quantity') }} else 0 end as missing_charge,
        {{ isum('timing') }} as timing,
        case when sum(bill_cells) = 0 then 0 else {{ isum('quantity') }} end as quantity,
        cast(0 as int64) as cache_semantics, cast(0 as int64) as tier,
        {{ isum('price') }} as price,
        cast(0 as int64) as aborted_stream, cast(0 as int64) as fx,
        {{ isum('tax') }} as tax, {{ isum('credit') }} as credit, {{ isum('fees') }} as fees,
        {{ isum('unpriced') }} as unpriced, {{ isum('rounding') }} as rounding, {{ isum('unexplained') }} as unexplained,
        cast(max(last_pass) as int64) as last_pass
    from sides
    group by {{ listed(group) }}

),

final as (

    select
        {{ key(group) }} as reconciliation_id,
        {{ listed(group) }},
        {{ from_nanos('billed_nanos') }} as billed_cost,
        {{ from_nanos('expected_nanos') }} as expected_cost,
        {{ from_nanos('billed_nanos - expected_nanos') }} as variance{% for component in components %},
        {{ from_nanos(component) }} as {{ component }}_variance{% endfor %},
        case greatest({% for component in components %}abs({{ component }}){{ ', ' if not loop.last }}{% endfor %})
            when 0 then 'none'{% for component in components %}
            when abs({{ component }}) then '{{ component }}'{% endfor %}
        end as class,
        last_pass,
        '{{ var("reporting_currency") }}' as currency
    from summed

)

select * from final
