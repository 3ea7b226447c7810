-- grain: kind × key × day: lines of revenue that are in no sum: without a rate, or told again (R33)
with lines as (

    select *, revenue_source as source, {{ month_of('service_period_start') }} as month from {{ ref('int_revenue_lines') }}

),

-- told again in the same words: one break of two files that tell much alike
repeated as (

    select source, unit, kept_unit, count(*) as lines, {{ isum('amount_nanos') }} as amount_nanos, count(amount_nanos) as amounts,
        min(landing_line) as first_line
    from lines
    where not counts and not differs
    group by source, unit, kept_unit

),

-- told again in others
contested as (

    select
        source, revenue_id, unit, count(*) as lines, {{ isum('amount_nanos') }} as amount_nanos, count(amount_nanos) as amounts,
        min(landing_line) as first_line, min(kept_unit) as kept_unit, min(kept_landing_line) as kept_line
    from lines
    where differs
    group by source, revenue_id, unit

),

final as (

    -- as invoiced: what it is in the reporting currency is not known
    select
        'no_rate' as kind, source, month as charge_day, {{ named(['source', 'tenant_id', 'currency']) }} as break_key,
        {{ money('count(*)') }} as quantity, {{ money('sum(amount)') }} as amount,
        'lines of revenue in no sum; exchange_rates.csv has no rate of the month' as note, cast(null as string) as reconciliation_id,
        currency
    from lines
    where counts and not reversed and amount_nanos is null
    group by source, month, tenant_id, currency

    union all

    select
        'duplicate', source, cast(null as date), {{ named(['source', 'unit', 'kept_unit']) }},
        {{ money('lines') }}, case when amounts = lines then {{ from_nanos('amount_nanos') }} end,
        concat('lines of revenue left out as told already, the first of them line ', {{ text('first_line') }}), cast(null as string),
        cast(null as string)
    from repeated

    union all

    select
        'duplicate', source, cast(null as date), {{ named(['source', 'revenue_id', 'unit']) }},
        {{ money('lines') }}, case when amounts = lines then {{ from_nanos('amount_nanos') }} end,
        concat('line ', {{ text('first_line') }}, ' of ', unit, ' is left out: line ', {{ text('kept_line') }}, ' of ', kept_unit,
            ' tells it otherwise and was told last'),
        cast(null as string), cast(null as string)
    from contested

)

select * from final
