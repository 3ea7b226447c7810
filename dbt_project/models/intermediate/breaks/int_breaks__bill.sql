-- grain: kind × key × day: what of a bill is in no sum, or counts and could not be placed (R3, R5, R33), and bills refused whole
with charges as (

    select *, coalesce(sku_meter, model) as sku_meter_or_model,
        cast(charge_period_start as date) as charged_on from {{ ref('int_charges') }}

),

-- lines of a bill that another delivery told already and that are in no sum (R33)
left_out as (

    select *, row_number() over (partition by source, billing_account_id, charge_day order by unit, landing_line, kept_unit) as place
    from {{ ref('int_charges__left_out') }}

),

told_again as (

    select
        source, billing_account_id, charge_day, count(*) as lines,
        case when count(billed_cost) = count(*) then sum(billed_cost) end as amount,
        max(case when place = 1
            then concat('line ', {{ text('landing_line') }}, ' of ', unit, ' was told in line ', {{ text('kept_landing_line') }}, ' of ',
            kept_unit) end) as such_as
    from left_out
    group by source, billing_account_id, charge_day

),

final as (

    select
        'unmapped' as kind, source, charged_on as charge_day,
        {{ named(['source', 'service_name', 'sku_meter_or_model', 'meter']) }} as break_key,
        {{ money('null') }} as quantity, {{ money('sum(effective_cost)') }} as amount,
        'say what it is in skus.csv (sku: its SkuId, SkuMeter or description; model, meter, unit_size), '
            || 'or where it goes in charge_rules.csv' as note,
        cast(null as string) as reconciliation_id, cast(null as string) as currency
    from charges
    where destination = 'unmapped'
    group by source, charged_on, service_name, sku_meter_or_model, meter

    union all

    select
        'duplicate', source, charge_day, {{ named(['source', 'billing_account_id']) }}, {{ money('lines') }}, {{ money('amount') }},
        concat('left out as told already: ', such_as), cast(null as string), cast(null as string)
    from told_again

    union all

    select
        'duplicate', first_source, charge_day,
        concat('source=', first_source, ' other_source=', source, ' billing_account_id=', billing_account_id), {{ money('null') }},
        {{ money('case when count(billed_cost) = count(*) then sum(billed_cost) end') }},
        concat('counted in both sources in month ', {{ text('min(billing_period_start)') }}, ': line ',
            {{ text('min(first_landing_line)') }}, ' of ', first_source, ' and line ', {{ text('min(landing_line)') }}, ' of ', source,
            ' are the first'), cast(null as string), cast(null as string)
    from {{ ref('int_charges__counted_twice') }}
    group by first_source, source, billing_account_id, charge_day

    union all

    -- as billed: what it is in the reporting currency is not known
    select
        'no_rate', source, billing_period_start, {{ named(['source', 'billing_currency']) | replace("billing_currency=", "currency=") }},
        {{ money('null') }}, {{ money('sum(original_billed_cost)') }}, 'in no sum; exchange_rates.csv has no rate of the month',
        cast(null as string), billing_currency
    from charges
    where destination = '(no_rate)'
    group by source, billing_period_start, billing_currency

    union all

    select 'source_rejected', source, cast(null as date), {{ named(['source', 'unit']) }}, {{ money('null') }}, {{ money('null') }},
        max(problem), cast(null as string), cast(null as string)
    from {{ ref('stg_lake__rejections') }}
    group by source, unit

)

select * from final
