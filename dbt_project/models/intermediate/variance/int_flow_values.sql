-- grain: one flow of matching (R11), with what the usage it paid was expected to cost and what it would have paid at the bill's own price:
-- without corrections (R15), and without reductions (R6) where the contract price does not contain them (R19)
with adjustments as (

    select
        bill_cell_id,
        {{ isum("case when part = 'correction' then cost_nanos else 0 end") }} as corrected_nanos,
        {{ isum("case when part = 'reduction' then cost_nanos else 0 end") }} as reduced_nanos
    from {{ ref('int_cell_charges') }}
    group by bill_cell_id

),

rates as (

    select currency, billing_period_start, {{ nanos('rate') }} as rate_nanos from {{ ref('stg_reference__exchange_rates') }}

),

flows as (

    select
        matches.phase, matches.stage, matches.met_by, matches.pass, matches.turn, matches.bill_cell_id, matches.usage_cell_id,
        matches.quantity, matches.usage_taken, matches.cost_nanos,
        bill_cells.cost_nanos as cell_nanos, bill_cells.quantity as cell_quantity, usage_cells.expected_price,
        adjustments.corrected_nanos + case when usage_cells.contract_price < usage_cells.list_price then 0
            else adjustments.reduced_nanos end as adjusted_nanos,
        locked.rate_nanos as locked_rate, used.rate_nanos as rate_of_charge_month,
        case matches.phase
            when 'quantity' then {{ nano_value('matches.usage_taken', 'usage_cells.scale_factor', 'usage_cells.expected_price') }}
            else matches.usage_taken * 1000
        end as expected_nanos
    from {{ ref('int_matches') }} as matches
    join {{ ref('int_bill_cells') }} as bill_cells on matches.bill_cell_id = bill_cells.bill_cell_id
    join {{ ref('int_usage_cells') }} as usage_cells on matches.usage_cell_id = usage_cells.usage_cell_id
    join adjustments on matches.bill_cell_id = adjustments.bill_cell_id
    left join rates as locked on bill_cells.billing_currency = locked.currency
        and {{ month_of('bill_cells.billing_period_start') }} = locked.billing_period_start
    left join rates as used on bill_cells.billing_currency = used.currency and bill_cells.charge_month = used.billing_period_start

),

priced as (

    select
        *,
        case
            when adjusted_nanos = 0 then cost_nanos
            when cell_nanos <> 0 then {{ nano_fraction('cost_nanos', '(cell_nanos - adjusted_nanos)', 'cell_nanos') }}
            else {{ nano_fraction('(-adjusted_nanos)', 'quantity', 'cell_quantity') }}
        end as own_nanos
    from flows

),

final as (

    select
        phase, stage, met_by, pass, turn, bill_cell_id, usage_cell_id, usage_taken, cost_nanos, expected_price, expected_nanos, own_nanos,
        -- a bill of another month than the usage has that month's rate
        coalesce(own_nanos - {{ nano_fraction('own_nanos', 'rate_of_charge_month', 'locked_rate') }}, 0) as fx_nanos
    from priced

)

select * from final
