{% set least_days, told = 7, ['source', 'model', 'meter'] + told_dimensions() %}
-- grain: source × day on which prices of its bill are others than in the four weeks before. A price is what a million units cost, by all
-- that sets it as far as the bill tells; what is usual is the median of all days, since a price knows no weekday. Units are those of the
-- bill, else those of the provider's usage report (R10), without which no bill of amounts alone would have a price
with days as (

    select
        {{ listed(told) }}, charge_day, {{ isum('cost_nanos') }} as cost_nanos, {{ isum('quantity') }} as quantity,
        max(scale_factor) as scale_factor
    from {{ ref('int_bill_cells') }}
    where in_matching and charge_day is not null and quantity > 0
    group by {{ listed(told) }}, charge_day

),

prices as (

    select
        *, {{ fingerprint(told) }} as priced,
        cast({{ idiv(wide('cost_nanos') ~ ' * 1000000 * scale_factor', wide('quantity')) }} as int64) as price_nanos
    from days
    where cost_nanos > 0

),

ranked as (

    select
        prices.priced, prices.charge_day, before.price_nanos,
        row_number() over (partition by prices.priced, prices.charge_day order by before.price_nanos) as rank,
        count(*) over (partition by prices.priced, prices.charge_day) as days
    from prices
    join prices as before on prices.priced = before.priced and before.charge_day < prices.charge_day
        and before.charge_day >= {{ add_days('prices.charge_day', -7 * history_weeks()) }}

),

usual as (

    select priced, charge_day, {{ median_of('price_nanos', 'rank', 'days') }} as usual_nanos
    from ranked
    where days >= {{ least_days }}
    group by priced, charge_day

),

changed as (

    select
        prices.*, usual.usual_nanos, {{ settings() }},
        row_number() over (partition by prices.source, prices.charge_day order by prices.cost_nanos desc, prices.priced) as place,
        count(*) over (partition by prices.source, prices.charge_day) as prices,
        cast(sum(prices.cost_nanos) over (partition by prices.source, prices.charge_day) as int64) as all_nanos
    from prices
    join usual on prices.priced = usual.priced and prices.charge_day = usual.charge_day
    {{ joined_settings('price_change', 'prices.source') }}
    where {{ wide('abs(prices.price_nanos - usual.usual_nanos)') }} * 1000000000
        >= {{ wide('usual.usual_nanos') }} * coalesce(own_scope.threshold_nanos, any_scope.threshold_nanos)

)

select
    'price_change' as kind, 'source' as scope, source as scope_value, cast(null as string) as step,
    {{ first_hour('charge_day') }} as hour_index, {{ first_hour('charge_day') }} as last_hour_index, 24 as hours,
    price_nanos as measured_nanos, usual_nanos as expected_nanos, threshold_nanos, all_nanos as excess, all_nanos as cost_nanos,
    cast(null as string) as feature_id, cast(null as string) as tenant_id, cast(null as string) as prompt_version,
    cast(null as string) as segment, source,
    '{{ var("reporting_currency") }} per million ' || meter || ' of ' || model || ', with most cost of ' || {{ text('prices') }}
        || ' prices that moved' as about,
    ruled_owner
from changed
where place = 1 and all_nanos >= minimum_nanos
