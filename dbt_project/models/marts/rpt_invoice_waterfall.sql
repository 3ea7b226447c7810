-- Σ BilledCost = Σ bridge + Σ destinations, per source, currency and billing period, difference exactly 0 (R5)
with statements as (

    select * from {{ ref('int_statements') }}

),

steps as (

    select source, billing_currency, billing_period_start, 'billed' as section, 'billed' as step, cast(null as string) as destination,
        cast(null as date) as charge_month, billed_cost as cost
    from statements

    union all

    select source, billing_currency, billing_period_start, 'bridge', 'commitment_and_prepaid_timing', cast(null as string),
        cast(null as date), bridge_cost
    from statements
    where bridge_cost <> 0

    union all

    -- usage of another month than the bill's is shown apart, with where it went (R4)
    select
        amounts.source, amounts.billing_currency, amounts.billing_period_start, 'destination',
        case when amounts.charge_month <> {{ month_of('amounts.billing_period_start') }} and positions.meets_usage then 'other_period_usage'
            else amounts.destination end,
        amounts.destination,
        case when amounts.charge_month <> {{ month_of('amounts.billing_period_start') }} and positions.meets_usage
            then amounts.charge_month end,
        amounts.reconciled_cost
    from {{ ref('int_destination_amounts') }} as amounts
    left join {{ ref('destinations') }} as positions on amounts.destination = positions.destination
    where amounts.reconciled_cost <> 0

    union all

    -- the distance of rounded lines to the exact sum of the bill
    select source, billing_currency, billing_period_start, 'destination', 'rounding', 'rounding', cast(null as date), rounding_cost
    from statements
    where rounding_cost <> 0

),

summed as (

    select source, billing_currency, billing_period_start, section, step, destination, charge_month, {{ money('sum(cost)') }} as cost
    from steps
    group by source, billing_currency, billing_period_start, section, step, destination, charge_month

),

final as (

    select
        {{ key(['summed.source', 'summed.billing_currency', 'summed.billing_period_start', 'summed.section', 'summed.step',
            'summed.destination', 'summed.charge_month']) }} as waterfall_id,
        summed.source, summed.billing_period_start, summed.billing_currency, summed.section, summed.step, summed.destination,
        summed.charge_month, summed.cost, '{{ var("reporting_currency") }}' as currency,
        coalesce(positions.position, case summed.section when 'billed' then -1 else 0 end) as position,
        case summed.step
            when 'billed' then 'what the providers billed'
            when 'commitment_and_prepaid_timing' then 'billed now and used in another month, or the other way round'
            when 'other_period_usage' then 'usage of another month than the bill'
            else positions.meaning end as meaning,
        positions.owner, positions.action
    from summed
    left join {{ ref('destinations') }} as positions on summed.destination = positions.destination
    where summed.section = 'billed' or summed.cost <> 0

)

select * from final
