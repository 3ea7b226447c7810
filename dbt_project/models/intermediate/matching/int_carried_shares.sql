{{ config(materialized='ephemeral') }}
-- a correction whose original lies in another, open billing period follows what the original's cell gave (R15)
with gifts as (

    select
        matches.bill_cell_id,
        matches.usage_cell_id,
        cast(null as string) as destination,
        usage_cells.cell_order as position,
        {{ isum('matches.cost_nanos') }} as cost_nanos
    from {{ ref('int_matches') }} as matches
    join {{ ref('int_usage_cells') }} as usage_cells on matches.usage_cell_id = usage_cells.usage_cell_id
    group by matches.bill_cell_id, matches.usage_cell_id, usage_cells.cell_order

    union all

    select rests.bill_cell_id, cast(null as string), rests.destination, 1000000000000 + destinations.position,
        {{ isum('rests.cost_nanos') }}
    from {{ ref('int_bill_cell_rests') }} as rests
    join {{ ref('destinations') }} as destinations on rests.destination = destinations.destination
    group by rests.bill_cell_id, rests.destination, destinations.position

),

weighted as (

    select
        corrections.charge_id, corrections.source, corrections.charge_day, corrections.charge_month, corrections.billing_period_start,
        corrections.billing_currency,
        gifts.usage_cell_id, gifts.destination, gifts.position,
        corrections.cost_nanos as amount,
        {{ micro_weight('gifts.cost_nanos') }} as weight
    from {{ ref('int_corrections') }} as corrections
    join {{ ref('int_bill_cells') }} as cells on corrections.original_cell_id = cells.bill_cell_id and cells.destination = '(matching)'
    join gifts on corrections.original_cell_id = gifts.bill_cell_id
    where corrections.treatment = 'carried'

),

final as (

    select charge_id, source, charge_day, charge_month, billing_period_start, billing_currency, usage_cell_id, destination,
        share as cost_nanos
    from {{ carved_by_weight('weighted', 'charge_id', 'position') }} as shares

)

select * from final
