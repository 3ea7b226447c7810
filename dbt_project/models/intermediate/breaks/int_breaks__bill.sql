-- grain: kind × key × day: what of a bill is in no sum, or counts and could not be placed (R3, R5), and bills refused whole
with charges as (

    select *, coalesce(sku_meter, model) as sku_meter_or_model, cast(charge_period_start as date) as charged_on from {{ ref('int_charges') }}

),

final as (

    select
        'unmapped' as kind, source, charged_on as charge_day, {{ named(['source', 'service_name', 'sku_meter_or_model', 'meter']) }} as break_key,
        {{ money('null') }} as quantity, {{ money('sum(effective_cost)') }} as amount, cast(null as string) as note, cast(null as string) as reconciliation_id
    from charges
    where destination = 'unmapped'
    group by source, charged_on, service_name, sku_meter_or_model, meter

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
