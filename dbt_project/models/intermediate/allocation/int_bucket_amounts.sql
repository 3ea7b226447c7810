{{ config(materialized='ephemeral') }}
-- every amount that ends in a named bucket without a call: rests of cells, carried corrections, lines that found no cell
with joined as (

    select charge_id from {{ ref('int_cell_charges') }} group by charge_id

),

carried as (

    select charge_id, {{ isum('cost_nanos') }} as cost_nanos from {{ ref('int_carried_shares') }} group by charge_id

),

lines as (

    select * from {{ ref('int_bill_lines') }}

),

final as (

    select bill_cell_id, cast(null as string) as charge_id, source, charge_day, charge_month, billing_period_start, billing_currency,
        destination, quantity, cost_nanos
    from {{ ref('int_bill_cell_rests') }}

    union all

    select cast(null as string), charge_id, source, charge_day, charge_month, billing_period_start, billing_currency, destination,
        {{ money('null') }}, cost_nanos
    from {{ ref('int_carried_shares') }}
    where destination is not null

    union all

    -- a reduction without target is credit; a correction without an original in matching is in dispute
    select
        cast(null as string), lines.charge_id, lines.source, lines.charge_day, lines.charge_month, lines.billing_period_start,
        lines.billing_currency,
        case when lines.part = 'reduction' then 'credit' else 'refund_and_dispute' end,
        {{ money('null') }},
        lines.cost_nanos
    from lines
    left join joined on lines.charge_id = joined.charge_id
    left join carried on lines.charge_id = carried.charge_id
    where lines.part in ('reduction', 'adjusting') and joined.charge_id is null and carried.charge_id is null and lines.cost_nanos <> 0

)

select * from final where cost_nanos <> 0
