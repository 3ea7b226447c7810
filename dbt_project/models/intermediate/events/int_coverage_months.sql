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

amounts as (

    select
        allocation.charge_month as month,
        allocation.target_kind,
        allocation.destination,
        excess.usage_key_id is not null as provisional,
        {{ isum(nanos('allocation.reconciled_cost')) }} as billed_nanos,
        {{ isum(nanos('allocation.accrued_cost')) }} as accrued_nanos
    from {{ ref('fct_allocation') }} as allocation
    left join {{ ref('int_usage_cells') }} as cells on allocation.match_group_id = cells.usage_cell_id
    left join excess on cells.usage_key_id = excess.usage_key_id
    where allocation.destination in ('event', 'untagged', 'non_production', 'sampled_out', 'no_telemetry', 'unexplained', 'unmapped')
    group by 1, 2, 3, 4

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
