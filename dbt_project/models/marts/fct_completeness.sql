-- grain: source × month. What of a month is there, and what is not (R34); no difference of 0 is worth more than this
{% set unplaced_costs = [] %}
{% for destination in unplaced_destinations() %}{% do unplaced_costs.append(destination ~ '_cost') %}{% endfor %}
with sources as (

    select source, room from {{ ref('stg_lake__sources') }}

),

-- months something was asked for, or that have a bill; days a bill is only pulled again for open no month
months as (

    select distinct {{ month_of('charge_day') }} as month from {{ ref('stg_lake__asked_days') }} where not pulled_again
    union distinct
    select billing_period_start from {{ ref('int_charges') }}

),

finality as (

    select source, max(finality_days) as finality_days from {{ ref('stg_reference__billing_sources') }} group by source

),

-- the days of a month that are over; what finance declares holds for any of them
days as (

    select
        sources.source, months.month, cast(charge_day as date) as charge_day, sources.room = 'reference' as is_declared
    from sources
    cross join months
    {{ days_of('months.month', 'least(' ~ month_of(add_days('months.month', 31)) ~ ', ' ~ as_of_day() ~ ')', 'charge_day') }}

),

had as (

    select
        days.source, days.month,
        count(*) as days_expected,
        {{ isum("case when days.is_declared or asked.landed then 1 else 0 end") }} as days_landed,
        {{ isum("case when (days.is_declared or asked.landed) and " ~ days_between('days.charge_day', as_of_day())
            ~ " >= 1 + coalesce(finality.finality_days, 0) then 1 else 0 end") }} as days_final
    from days
    left join {{ ref('stg_lake__asked_days') }} as asked on days.source = asked.source and days.charge_day = asked.charge_day
    left join finality on days.source = finality.source
    group by days.source, days.month

),

-- what was not read may be of any of the days it speaks of; of any month, where it tells none
rejected_units as (

    select units.source, months.month, count(distinct units.unit) as units_rejected
    from {{ ref('stg_lake__rejections') }} as units
    join months
        on (units.first_day is null or units.first_day < {{ month_of(add_days('months.month', 31)) }})
        and (units.last_day is null or units.last_day >= months.month)
    group by units.source, months.month

),

rejected_records as (

    select records.telemetry_source as source, months.month, count(*) as records_rejected
    from (select distinct telemetry_source, landing_id, landing_line,
        charge_day from {{ ref('stg_telemetry__rejected_records') }}) as records
    join months on records.charge_day is null or {{ month_of('records.charge_day') }} = months.month
    group by records.telemetry_source, months.month

),

told_again as (

    select source, billing_period_start as month, billed_cost from {{ ref('int_charges__left_out') }}
    union all
    select source, billing_period_start, billed_cost from {{ ref('int_charges__counted_twice') }}
    union all
    select first_source, billing_period_start, billed_cost from {{ ref('int_charges__counted_twice') }}

),

duplicates as (

    select source, month, count(*) as lines, case when count(billed_cost) = count(*) then sum(billed_cost) end as amount
    from told_again
    group by source, month

),

-- an amount in several currencies is none; the breaks have each
without_rate as (

    select
        source, billing_period_start as month, count(*) as charges,
        case when min(billing_currency) = max(billing_currency) then sum(original_billed_cost) end as amount,
        {{ only_of('min(billing_currency)', 'max(billing_currency)') }} as currency
    from {{ ref('int_charges') }}
    where destination = '(no_rate)'
    group by source, billing_period_start

),

-- what of the month's bill should have reached an event and did not
unplaced as (

    select
        source, billing_period_start as month{% for destination in unplaced_destinations() %},
        {{ isum("case when destination = '" ~ destination ~ "' then " ~ nanos('reconciled_cost') ~ " else 0 end") }}
            as {{ destination }}_nanos{% endfor %}
    from {{ ref('int_destination_amounts') }}
    group by source, billing_period_start

),

counted as (

    select
        sources.source, sources.room, months.month,
        coalesce(had.days_expected, 0) as days_expected, coalesce(had.days_landed, 0) as days_landed,
        coalesce(had.days_final, 0) as days_final,
        coalesce(had.days_expected - had.days_landed, 0) as days_missing,
        coalesce(rejected_units.units_rejected, 0) as units_rejected,
        coalesce(rejected_records.records_rejected, 0) as records_rejected,
        coalesce(duplicates.lines, 0) as duplicate_lines, {{ money('duplicates.amount') }} as duplicate_amount,
        coalesce(without_rate.charges, 0) as charges_without_rate, {{ money('without_rate.amount') }} as amount_without_rate,
        without_rate.currency as currency_without_rate{% for destination in unplaced_destinations() %},
        {{ from_nanos('coalesce(unplaced.' ~ destination ~ '_nanos, 0)') }} as {{ destination }}_cost{% endfor %}
    from sources
    cross join months
    left join had on sources.source = had.source and months.month = had.month
    left join rejected_units on sources.source = rejected_units.source and months.month = rejected_units.month
    left join rejected_records on sources.source = rejected_records.source and months.month = rejected_records.month
    left join duplicates on sources.source = duplicates.source and months.month = duplicates.month
    left join without_rate on sources.source = without_rate.source and months.month = without_rate.month
    left join unplaced on sources.source = unplaced.source and months.month = unplaced.month

),

judged as (

    select
        *,
        {{ month_of(add_days('month', 31)) }} <= {{ as_of_day() }} and days_missing = 0 and units_rejected = 0 and records_rejected = 0
            and duplicate_lines = 0 and charges_without_rate = 0 as complete
    from counted

),

final as (

    select
        {{ key(['source', 'month']) }} as completeness_id, source, room, month, days_expected, days_landed, days_final, days_missing,
        units_rejected, records_rejected,
        duplicate_lines, duplicate_amount, '{{ var("reporting_currency") }}' as currency, charges_without_rate, amount_without_rate,
        currency_without_rate,
        {{ listed(unplaced_costs) }},
        complete, min(case when complete then 1 else 0 end) over (partition by month) = 1 as month_complete
    from judged

)

select * from final
