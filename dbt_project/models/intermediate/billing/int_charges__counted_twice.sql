-- grain: charge that another source told, too: the same account, month, key, times, quantity and amount (R33). Both are counted; which of
-- them is the bill, no table says. Sources that declare different providers have accounts of their own, however they are called
with providers as (

    select distinct source, provider from {{ ref('stg_reference__billing_sources') }} where provider is not null

),

charges as (

    select
        charge_id, source, landing_line, billing_account_id, billing_period_start, cast(charge_period_start as date) as charge_day,
        billed_cost,
        {{ key(key_dimensions()[1:] + ['billing_period_start', 'billing_currency', 'original_billed_cost', 'quantity',
            'charge_period_start', 'charge_period_end', 'charge_category']) }} as line_key
    from {{ ref('int_charges') }}
    where billing_account_id is not null and original_billed_cost <> 0

),

shared as (

    select line_key from charges group by line_key having min(source) <> max(source)

),

-- equal lines of one source are different charges, and the second is told again only by a second
numbered as (

    select charges.*,
        row_number() over (partition by charges.source, charges.line_key order by charges.landing_line, charges.charge_id) as copy
    from charges
    join shared on charges.line_key = shared.line_key

),

strangers as (

    select left_one.source, right_one.source as other_source
    from providers as left_one
    cross join providers as right_one
    group by left_one.source, right_one.source
    having max(case when left_one.provider = right_one.provider then 1 else 0 end) = 0

),

pairs as (

    select
        again.charge_id, again.source, again.landing_line, again.billing_account_id, again.billing_period_start, again.charge_day,
        again.billed_cost,
        first_told.charge_id as first_charge_id, first_told.source as first_source, first_told.landing_line as first_landing_line,
        row_number() over (partition by again.charge_id order by first_told.source) as pair_rank
    from numbered as again
    join numbered as first_told on again.line_key = first_told.line_key and again.copy = first_told.copy
        and first_told.source < again.source
    left join strangers on again.source = strangers.source and first_told.source = strangers.other_source
    where strangers.source is null

),

final as (

    select
        charge_id, source, landing_line, billing_account_id, billing_period_start, charge_day, billed_cost, first_charge_id, first_source,
        first_landing_line
    from pairs
    where pair_rank = 1

)

select * from final
