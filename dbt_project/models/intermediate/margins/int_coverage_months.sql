-- how much of a month's usage spend a tenant's numbers rest on (R28); shares are exact ratios cut at nine decimals
with excess as (

    -- R13: keys whose telemetry exceeds the bill beyond the policy ratio are provisional
    select cells.usage_key_id
    from {{ ref('int_usage_cells') }} as cells
    left join (select usage_cell_id, {{ isum('usage_taken') }} as taken from {{ ref('int_matches') }} where phase = 'quantity' group by usage_cell_id) as taken
        on cells.usage_cell_id = taken.usage_cell_id
    left join (select distinct usage_cell_id from {{ ref('int_matches') }} where phase = 'money') as paid on cells.usage_cell_id = paid.usage_cell_id
    where paid.usage_cell_id is null
    group by cells.usage_key_id
    having {{ wide('sum(cells.quantity - coalesce(taken.taken, 0))') }} * 1000000 > {{ wide('sum(coalesce(taken.taken, 0))') }} * {{ var('excess_ratio_millionths') }}

),

-- what calls received is reckoned on their cells, whose calls receive exactly that (R17)
received as (

    select usage_cell_id, charge_month as month, cost_nanos as billed_nanos, cast(0 as int64) as accrued_nanos
    from {{ ref('int_cell_receipts') }}

    union all

    select shares.usage_cell_id, {{ month_of('accruals.charge_day') }}, 0, shares.accrued_nanos
    from {{ ref('int_accrual_shares') }} as shares
    join {{ ref('int_accruals') }} as accruals on shares.accrual_id = accruals.accrual_id

),

amounts as (

    select received.month, 'call' as target_kind, excess.usage_key_id is not null as provisional, received.billed_nanos, received.accrued_nanos
    from received
    join {{ ref('int_usage_cells') }} as cells on received.usage_cell_id = cells.usage_cell_id
    left join excess on cells.usage_key_id = excess.usage_key_id

    union all

    select shares.charge_month, shares.target_kind, false, {{ nanos('shares.reconciled_cost') }}, {{ nanos('shares.accrued_cost') }}
    from {{ ref('int_bucket_shares') }} as shares
    join {{ ref('destinations') }} as destinations on shares.destination = destinations.destination
    where destinations.in_coverage

),

sums as (

    select
        month,
        {{ isum('billed_nanos') }} as billed_nanos,
        {{ isum("case when target_kind = 'call' then billed_nanos else 0 end") }} as on_calls_nanos,
        {{ isum("case when target_kind = 'call' and not provisional then billed_nanos else 0 end") }} as sound_nanos,
        {{ isum("case when target_kind = 'call' then accrued_nanos else 0 end") }} as accrued_nanos
    from amounts
    group by month

),

final as (

    select
        month,
        {{ share('on_calls_nanos', 'billed_nanos') }} as share_attributed,
        {{ share('sound_nanos', 'on_calls_nanos + accrued_nanos') }} as share_reconciled,
        {{ share('accrued_nanos', 'on_calls_nanos + accrued_nanos') }} as share_estimated
    from sums

)

select * from final
