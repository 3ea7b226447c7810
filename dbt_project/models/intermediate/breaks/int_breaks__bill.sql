-- grain: kind × key × day: what of a bill is in no sum, or counts and could not be placed (R3, R5, R33), and bills refused whole
with charges as (

    select *, coalesce(sku_meter, model) as sku_meter_or_model, cast(charge_period_start as date) as charged_on from {{ ref('int_charges') }}

),

-- lines of a bill that another delivery told already and that are in no sum (R33)
left_out as (

    select
        charges.source, charges.billing_account_id, cast(charges.charge_period_start as date) as charge_day,
        charges.unit, charges.landing_line, charges.kept_unit, charges.kept_landing_line,
        {{ money('charges.billed_cost * case when charges.billing_currency = \'' ~ var("reporting_currency") ~ '\' then ' ~ money("'1'") ~ ' else rates.rate end') }} as amount,
        row_number() over (
            partition by charges.source, charges.billing_account_id, cast(charges.charge_period_start as date) order by charges.unit, charges.landing_line, charges.kept_unit
        ) as place
    from {{ ref('stg_billing__left_out_charges') }} as charges
    left join {{ ref('stg_reference__exchange_rates') }} as rates
        on charges.billing_currency = rates.currency and {{ month_of('charges.billing_period_start') }} = rates.billing_period_start

),

told_again as (

    select
        source, billing_account_id, charge_day, count(*) as lines, case when count(amount) = count(*) then sum(amount) end as amount,
        max(case when place = 1 then concat('line ', {{ text('landing_line') }}, ' of ', unit, ' was told in line ', {{ text('kept_landing_line') }}, ' of ', kept_unit) end) as such_as
    from left_out
    group by source, billing_account_id, charge_day

),

final as (

    select
        'unmapped' as kind, source, charged_on as charge_day, {{ named(['source', 'service_name', 'sku_meter_or_model', 'meter']) }} as break_key,
        {{ money('null') }} as quantity, {{ money('sum(effective_cost)') }} as amount,
        'say what it is in skus.csv (sku: its SkuId, SkuMeter or description; model, meter, unit_size), or where it goes in charge_rules.csv' as note,
        cast(null as string) as reconciliation_id
    from charges
    where destination = 'unmapped'
    group by source, charged_on, service_name, sku_meter_or_model, meter

    union all

    select
        'duplicate', source, charge_day, {{ named(['source', 'billing_account_id']) }}, {{ money('lines') }}, {{ money('amount') }},
        concat('left out as told already: ', such_as), cast(null as string)
    from told_again

    union all

    select 'no_rate', source, billing_period_start, {{ named(['source', 'billing_currency']) | replace("billing_currency=", "currency=") }}, {{ money('null') }}, {{ money('null') }}, cast(null as string), cast(null as string)
    from charges
    where destination = '(no_rate)'
    group by source, billing_period_start, billing_currency

    union all

    select 'source_rejected', source, cast(null as date), {{ named(['source', 'unit']) }}, {{ money('null') }}, {{ money('null') }}, max(problem), cast(null as string)
    from {{ ref('stg_lake__rejections') }}
    group by source, unit

)

select * from final
