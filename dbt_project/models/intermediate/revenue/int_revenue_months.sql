-- revenue recognised evenly by day of its service period (R27)
with earned as (

    select * from {{ ref('int_revenue_lines') }} where counts and not reversed and amount_nanos is not null

),

-- of prices in force at the same time the latest begun counts, as of every other effective-dated table
priced as (

    select
        earned.revenue_id, prices.feature_id, earned.amount_nanos, prices.stand_alone_price,
        row_number() over (partition by earned.revenue_id, prices.feature_id order by prices.valid_from desc nulls last) as price_rank
    from earned
    join {{ ref('stg_reference__bundle_prices') }} as prices
        on earned.bundle_id = prices.bundle_id
        and (prices.valid_from is null or prices.valid_from <= earned.service_period_start)
        and (prices.valid_to is null or earned.service_period_start < prices.valid_to)
    where earned.feature_id is null

),

bundled as (

    select revenue_id, feature_id, amount_nanos as amount, {{ micro_weight(nanos('stand_alone_price')) }} as weight from priced
        where price_rank = 1

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
    group by split.revenue_id, split.tenant_id, split.feature_id, split.amount_nanos, split.service_period_start, split.service_period_end,
        {{ month_of('day') }}

),

rates as (

    select *, {{ unit_price('amount', 'whole', 'd') }} from day_counts

),

final as (

    select revenue_id, tenant_id, feature_id, month, sign * {{ carved('low', 'low + days', 'amount', 'd') }} as revenue_nanos from rates

)

select * from final
