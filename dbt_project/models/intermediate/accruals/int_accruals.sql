-- what days whose bill is not final are still expected to cost (R25), per key and day
with finality as (

    select source, max(finality_days) as finality_days from {{ ref('stg_reference__billing_sources') }} group by source

),

expected as (

    select
        keys.reconciliation_id as accrual_id, {{ listed(reconciliation_dimensions(), 'keys.') }},
        {{ isum('coalesce(cells.expected_nanos, 0)') }} as expected_nanos,
        {{ isum('coalesce(receipts.cost_nanos, 0)') }} as on_calls_nanos
    from {{ ref('int_usage_cells') }} as cells
    join {{ ref('int_cell_keys') }} as keys on keys.side = 'usage' and cells.usage_cell_id = keys.cell_id
    join finality on cells.source = finality.source
    left join (select usage_cell_id, {{ isum('cost_nanos') }} as cost_nanos from {{ ref('int_cell_receipts') }}
        group by usage_cell_id) as receipts
        on cells.usage_cell_id = receipts.usage_cell_id
    where {{ days_between('cells.charge_day', as_of_day()) }} < 1 + finality.finality_days
    group by keys.reconciliation_id, {{ listed(reconciliation_dimensions(), 'keys.') }}

),

billed as (

    select keys.reconciliation_id as accrual_id, {{ isum('cells.cost_nanos') }} as billed_nanos
    from {{ ref('int_bill_cells') }} as cells
    join {{ ref('int_cell_keys') }} as keys on keys.side = 'bill' and cells.bill_cell_id = keys.cell_id
    where cells.charge_day is not null and cells.in_matching
    group by keys.reconciliation_id

),

-- money of day-long lines by source and day: on calls, and what no telemetry claimed
daily as (

    select
        cells.source, cells.charge_day,
        {{ isum('cells.cost_nanos - coalesce(rests.rest_nanos, 0)') }} as on_calls_nanos,
        {{ isum('coalesce(rests.uncaptured_nanos, 0)') }} as uncaptured_nanos
    from {{ ref('int_bill_cells') }} as cells
    left join (
        select bill_cell_id, {{ isum('cost_nanos') }} as rest_nanos,
            {{ isum("case when destination = 'no_telemetry' then cost_nanos else 0 end") }} as uncaptured_nanos
        from {{ ref('int_bill_cell_rests') }}
        group by bill_cell_id
    ) as rests on cells.bill_cell_id = rests.bill_cell_id
    where cells.charge_day is not null and cells.in_matching
    group by cells.source, cells.charge_day

),

before_days as (

    select
        days.source, days.charge_day,
        count(daily.charge_day) as billed_days,
        {{ isum('daily.on_calls_nanos') }} as on_calls_nanos,
        {{ isum('daily.uncaptured_nanos') }} as uncaptured_nanos
    from (select distinct source, charge_day from expected) as days
    left join daily
        on days.source = daily.source and daily.charge_day < days.charge_day
        and daily.charge_day >= {{ add_days('days.charge_day', -var('uncaptured_share_days')) }}
    group by days.source, days.charge_day

),

estimated as (

    select
        expected.*,
        coalesce(billed.billed_nanos, 0) as billed_nanos,
        case
            when before_days.billed_days < {{ var('uncaptured_share_minimum_days') }} or before_days.on_calls_nanos <= 0
                then expected.expected_nanos
            else cast({{ idiv(
                wide('expected.expected_nanos')
                    ~ ' * (2 * (before_days.on_calls_nanos + before_days.uncaptured_nanos)) + before_days.on_calls_nanos',
                '2 * ' ~ wide('before_days.on_calls_nanos')) }} as int64)
        end as likely_nanos
    from expected
    left join billed on expected.accrual_id = billed.accrual_id
    left join before_days on expected.source = before_days.source and expected.charge_day = before_days.charge_day

),

accrued as (

    select *, greatest(0, likely_nanos - billed_nanos) as accrued_nanos from estimated

),

final as (

    select *, greatest(0, least(accrued_nanos, expected_nanos - on_calls_nanos)) as on_calls_accrued_nanos
    from accrued
    where accrued_nanos > 0

)

select * from final
