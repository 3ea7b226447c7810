-- grain: kind × scope × day: of what a source or key bills the part that telemetry does not carry (unattributed_share of a source,
-- capture_rate of a key), and of what telemetry tells of a source the part that no bill has (capture_rate of the source, once the bill is
-- final)
with sources as (

    select
        owners.source, owners.charge_day,
        {{ isum("case when owners.destination <> 'event' and owners.destination <> 'non_production' then owners.cost_nanos else 0 end") }}
            as part_nanos,
        {{ isum('owners.cost_nanos') }} as whole_nanos
    from {{ ref('int_spend_owners') }} as owners
    join {{ ref('destinations') }} as destinations on owners.destination = destinations.destination and destinations.in_coverage
    where owners.charge_day is not null
    group by owners.source, owners.charge_day

),

rests as (

    select bill_cell_id, {{ isum('cost_nanos') }} as cost_nanos
    from {{ ref('int_bill_cell_rests') }}
    where destination in ('no_telemetry', 'unexplained')
    group by bill_cell_id

),

owned as (

    select
        cells.source, cells.charge_day, cells.cost_nanos, coalesce(rests.cost_nanos, 0) as rest_nanos,
        case when cells.api_key_id is not null then 'key' when cells.sub_account_id is not null then 'project' else 'account' end as scope,
        coalesce(cells.api_key_id, cells.sub_account_id, cells.billing_account_id) as scope_value
    from {{ ref('int_bill_cells') }} as cells
    left join rests on cells.bill_cell_id = rests.bill_cell_id
    where cells.in_matching and not cells.non_production and cells.charge_day is not null
        and coalesce(cells.api_key_id, cells.sub_account_id, cells.billing_account_id) is not null

),

told as (

    select cells.source, cells.charge_day, {{ isum('case when rests.bill_is_final then rests.left_nanos else 0 end') }} as part_nanos,
        {{ isum('coalesce(cells.expected_nanos, 0)') }} as whole_nanos
    from {{ ref('int_usage_cells') }} as cells
    join {{ ref('int_usage_rests') }} as rests on cells.usage_cell_id = rests.usage_cell_id
    where cells.source is not null
    group by cells.source, cells.charge_day

)

select 'unattributed_share' as kind, 'source' as scope, source as scope_value, source, charge_day, part_nanos, whole_nanos from sources
union all
select 'capture_rate', scope, scope_value, source, charge_day, {{ isum('rest_nanos') }}, {{ isum('cost_nanos') }}
from owned
group by scope, scope_value, source, charge_day
union all
select 'capture_rate', 'source', source, source, charge_day, part_nanos, whole_nanos from told
