-- what no usage claimed of a bill cell, and where it goes (R11, end)
with flows as (

    select
        matches.bill_cell_id,
        {{ isum('matches.quantity') }} as given,
        {{ isum('matches.cost_nanos') }} as given_nanos,
        {{ isum("coalesce("
            ~ idiv("case when matches.phase = 'quantity' then matches.quantity
            else 0 end * (1000000 - usage_cells.sampling_probability_millionths)", "usage_cells.sampling_probability_millionths") ~ ",
            0)") }} as sampled_quantity
    from {{ ref('int_matches') }} as matches
    join {{ ref('int_usage_cells') }} as usage_cells on matches.usage_cell_id = usage_cells.usage_cell_id
    group by matches.bill_cell_id

),

rests as (

    select
        cells.bill_cell_id, cells.source, cells.charge_day, cells.charge_month, cells.billing_period_start, cells.billing_currency,
        cells.destination,
        cells.non_production, cells.quantity, cells.cost_nanos, cells.twice_rounding_limit, cells.scale_factor,
        abs(cells.cost_nanos) as amount, {{ sign_of('cells.cost_nanos') }} as sign,
        coalesce(flows.given, 0) as given,
        cells.cost_nanos - coalesce(flows.given_nanos, 0) as rest_nanos,
        case when cells.quantity is not null then cells.quantity - coalesce(flows.given, 0) end as rest_quantity,
        coalesce(flows.sampled_quantity, 0) as sampled_quantity,
        greatest(coalesce(cells.quantity, 1), 1) as whole
    from {{ ref('int_bill_cells') }} as cells
    left join flows on cells.bill_cell_id = flows.bill_cell_id

),

priced as (

    select *, least(rest_quantity, sampled_quantity) as sampled, {{ unit_price('amount', 'whole', 'c') }} from rests

),

decided as (

    select
        *,
        case
            when destination <> '(matching)' then destination
            when non_production then 'non_production'
            when quantity is null then 'unexplained'
            when given > 0 and 2 * rest_quantity <= twice_rounding_limit then 'rounding'
            else 'no_telemetry'
        end as rest_destination
    from priced

),

split as (

    select
        *,
        case when rest_destination = 'no_telemetry' and sampled > 0 then sign * {{ carved('given', 'given + sampled', 'amount', 'c') }}
            else 0 end as sampled_nanos
    from decided

),

final as (

    select
        bill_cell_id, source, charge_day, charge_month, billing_period_start, billing_currency,
        rest_destination as destination,
        {{ from_scaled("case when rest_destination = 'no_telemetry' then rest_quantity - sampled else rest_quantity end",
            'scale_factor') }} as quantity,
        rest_nanos - sampled_nanos as cost_nanos
    from split
    where rest_nanos - sampled_nanos <> 0

    union all

    select bill_cell_id, source, charge_day, charge_month, billing_period_start, billing_currency, 'sampled_out',
        {{ from_scaled('sampled', 'scale_factor') }}, sampled_nanos
    from split
    where sampled_nanos <> 0

)

select * from final
