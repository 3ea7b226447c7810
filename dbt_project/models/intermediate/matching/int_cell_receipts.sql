-- what a usage cell received, per currency, billing period and charge month of the bill (R17, last step)
with received as (

    select matches.usage_cell_id, cells.billing_currency, cells.billing_period_start, cells.charge_month, matches.cost_nanos,
        matches.met_by = 'other_day' as timing, matches.stage = 'cache' as cache_semantics
    from {{ ref('int_matches') }} as matches
    join {{ ref('int_bill_cells') }} as cells on matches.bill_cell_id = cells.bill_cell_id

    union all

    select usage_cell_id, billing_currency, billing_period_start, charge_month, cost_nanos, false, false
    from {{ ref('int_carried_shares') }}
    where usage_cell_id is not null

),

final as (

    select
        usage_cell_id, billing_currency, billing_period_start, charge_month,
        max(case when timing then 1 else 0 end) = 1 as timing,
        max(case when cache_semantics then 1 else 0 end) = 1 as cache_semantics,
        {{ isum('cost_nanos') }} as cost_nanos
    from received
    group by usage_cell_id, billing_currency, billing_period_start, charge_month

)

select * from final
