-- revenue recognised evenly by day of its service period (R27)
with lines as (

    select
        * replace (greatest(service_period_end, {{ add_days('service_period_start', 1) }}) as service_period_end),
        row_number() over (partition by revenue_id order by landing_id, landing_line) as delivery_rank
    from {{ ref('stg_revenue__lines') }}

),

billed as (

    select distinct bills_revenue_id from lines where bills_revenue_id is not null and kind = 'invoice' and delivery_rank = 1

),

-- contract-derived revenue is an accrual, reversed by the invoice line that bills it: never both
earned as (

    select
        lines.*,
        {{ nanos('case when lines.currency = \'' ~ var("reporting_currency") ~ '\' then lines.amount else ' ~ money('lines.amount * rates.rate') ~ ' end') }} as amount_nanos
    from lines
    left join billed on lines.revenue_id = billed.bills_revenue_id
    left join {{ ref('stg_reference__exchange_rates') }} as rates
        on lines.currency = rates.currency and {{ month_of('lines.service_period_start') }} = rates.billing_period_start
    where lines.delivery_rank = 1 and not (lines.kind = 'accrual' and billed.bills_revenue_id is not null)

),

bundled as (

    select earned.revenue_id, prices.feature_id, earned.amount_nanos as amount, {{ micro_weight(nanos('prices.stand_alone_price')) }} as weight
    from earned
    join {{ ref('stg_reference__bundle_prices') }} as prices
        on earned.bundle_id = prices.bundle_id
        and (prices.valid_from is null or prices.valid_from <= earned.service_period_start)
        and (prices.valid_to is null or earned.service_period_start < prices.valid_to)
    where earned.feature_id is null

),

bundle_shares as (

    select revenue_id, feature_id, share from {{ carved_by_weight('bundled', 'revenue_id', 'feature_id') }} as shares

),

split as (

    select
        earned.revenue_id, earned.tenant_id, earned.service_period_start, earned.service_period_end,
        coalesce(earned.feature_id, bundle_shares.feature_id, '(bundle)') as feature_id,
        case when bundle_shares.feature_id is null then earned.amount_nanos else bundle_shares.share end as amount_nanos
    from earned
    left join bundle_shares on earned.revenue_id = bundle_shares.revenue_id

),

day_counts as (

    select
        split.revenue_id, split.tenant_id, split.feature_id, abs(split.amount_nanos) as amount, {{ sign_of('split.amount_nanos') }} as sign,
        {{ days_between('split.service_period_start', 'split.service_period_end') }} as whole,
        {{ month_of('day') }} as month,
        count(*) as days,
        min({{ days_between('split.service_period_start', 'cast(day as date)') }}) as low
    from split
    {{ days_of('split.service_period_start', 'split.service_period_end', 'day') }}
    group by split.revenue_id, split.tenant_id, split.feature_id, split.amount_nanos, split.service_period_start, split.service_period_end, {{ month_of('day') }}

),

rates as (

    select *, {{ unit_price('amount', 'whole', 'd') }} from day_counts

),

final as (

    select revenue_id, tenant_id, feature_id, month, sign * {{ carved('low', 'low + days', 'amount', 'd') }} as revenue_nanos from rates

)

select * from final
