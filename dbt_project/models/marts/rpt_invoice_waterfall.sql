-- Σ BilledCost = Σ bridge + Σ destinations, per source, currency and billing period, difference exactly 0 (R5)
with charges as (

    select * from {{ ref('int_charges') }} where destination <> '(no_rate)'

),

-- the exact sum of the source text in 10^-27 and the rate in 10^-9; a statement has one rate
exact as (

    select
        source, billing_currency, billing_period_start,
        {{ nanos('max(exchange_rate)') }} as rate,
        {{ wide(nanos(money('sum(original_billed_cost)'))) }} * 1000000000000000000 + sum({{ wide('billed_cost_residual') }}) as total
    from charges
    group by source, billing_currency, billing_period_start

),

-- whole nanos and what is beyond them: their product with the rate would not fit in one number
nano_parts as (

    select
        source, billing_currency, billing_period_start, rate, {{ wide(sign_of('total')) }} as sign,
        {{ idiv('total', '1000000000000000000') }} as whole,
        total - {{ idiv('total', '1000000000000000000') }} * 1000000000000000000 as beyond
    from exact

),

-- converted and rounded once, half away from zero by the sign of the sum (R3, R5, D13)
billed as (

    select
        source, billing_currency, billing_period_start,
        {{ from_nanos(idiv('whole * rate', '1000000000') ~ ' + '
            ~ idiv('(whole * rate - ' ~ idiv('whole * rate', '1000000000') ~ ' * 1000000000) * 1000000000000000000 + beyond * rate + sign * ' ~ wide("'500000000000000000000000000'"), wide("'1000000000000000000000000000'"))) }} as cost
    from nano_parts

),

lines as (

    select
        source, billing_currency, billing_period_start,
        {{ money('sum(billed_cost)') }} as billed_cost,
        {{ money('sum(effective_cost)') }} as effective_cost
    from charges
    group by source, billing_currency, billing_period_start

),

destinations as (

    select source, billing_currency, billing_period_start, charge_month, destination, {{ money('sum(reconciled_cost)') }} as cost
    from {{ ref('int_allocated') }}
    group by source, billing_currency, billing_period_start, charge_month, destination

),

steps as (

    select source, billing_currency, billing_period_start, 'billed' as section, 'billed' as step, cast(null as string) as destination, cast(null as date) as charge_month, cost
    from billed

    union all

    select source, billing_currency, billing_period_start, 'bridge', 'commitment_and_prepaid_timing', cast(null as string), cast(null as date), billed_cost - effective_cost
    from lines
    where billed_cost <> effective_cost

    union all

    -- usage of another month than the bill's is shown apart, with where it went (R4)
    select
        destinations.source, destinations.billing_currency, destinations.billing_period_start, 'destination',
        case when destinations.charge_month <> {{ month_of('destinations.billing_period_start') }} and positions.meets_usage then 'other_period_usage' else destinations.destination end,
        destinations.destination,
        case when destinations.charge_month <> {{ month_of('destinations.billing_period_start') }} and positions.meets_usage then destinations.charge_month end,
        destinations.cost
    from destinations
    left join {{ ref('destinations') }} as positions on destinations.destination = positions.destination
    where destinations.cost <> 0

    union all

    select billed.source, billed.billing_currency, billed.billing_period_start, 'destination', 'rounding', 'rounding', cast(null as date), billed.cost - lines.billed_cost
    from billed
    join lines on billed.source = lines.source and billed.billing_currency = lines.billing_currency and billed.billing_period_start = lines.billing_period_start
    where billed.cost <> lines.billed_cost

),

summed as (

    select source, billing_currency, billing_period_start, section, step, destination, charge_month, {{ money('sum(cost)') }} as cost
    from steps
    group by source, billing_currency, billing_period_start, section, step, destination, charge_month

),

final as (

    select
        {{ key(['summed.source', 'summed.billing_currency', 'summed.billing_period_start', 'summed.section', 'summed.step', 'summed.destination', 'summed.charge_month']) }} as waterfall_id,
        summed.source, summed.billing_period_start, summed.billing_currency, summed.section, summed.step, summed.destination, summed.charge_month, summed.cost, '{{ var("reporting_currency") }}' as currency,
        coalesce(positions.position, case summed.section when 'billed' then -1 else 0 end) as position,
        positions.owner, positions.action
    from summed
    left join {{ ref('destinations') }} as positions on summed.destination = positions.destination
    where summed.section = 'billed' or summed.cost <> 0

)

select * from final
