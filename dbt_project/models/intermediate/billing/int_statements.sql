-- grain: source × currency × billing period: what a bill says in all, as its text and as its lines (R3, R5)
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

-- whole nanos and what is beyond them
nano_parts as (

    select
        source, billing_currency, billing_period_start, rate, {{ sign_of('total') }} as sign,
        {{ idiv('total', '1000000000000000000') }} as whole,
        total - {{ idiv('total', '1000000000000000000') }} * 1000000000000000000 as beyond
    from exact

),

-- converted and rounded once, half away from zero by the sign of the sum (R3, R5, D13)
billed as (

    select
        source, billing_currency, billing_period_start,
        {{ from_nanos(converted('whole', 'beyond', 'rate', 'sign')) }} as cost
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

final as (

    select
        billed.source, billed.billing_currency, billed.billing_period_start,
        billed.cost as billed_cost,
        lines.billed_cost - lines.effective_cost as bridge_cost,
        billed.cost - lines.billed_cost as rounding_cost
    from billed
    join lines on billed.source = lines.source and billed.billing_currency = lines.billing_currency
        and billed.billing_period_start = lines.billing_period_start

)

select * from final
