-- grain: delivered line: whether it counts, and what it is in the reporting currency
with told as (

    select
        lines.revenue_source, lines.landing_id, lines.landing_line, lines.revenue_id, lines.tenant_id, lines.feature_id, lines.bundle_id,
        lines.kind, lines.pricing,
        lines.bills_revenue_id, lines.service_period_start, lines.amount, lines.currency, deliveries.unit,
        {{ key(['lines.landing_id', 'lines.landing_line']) }} as revenue_line_id,
        -- a line whose period begins and ends on one day is earned on it
        greatest(lines.service_period_end, {{ add_days('lines.service_period_start', 1) }}) as service_period_end,
        {{ key(['lines.tenant_id', 'lines.feature_id', 'lines.bundle_id', 'lines.kind', 'lines.bills_revenue_id',
            'lines.service_period_start', 'lines.service_period_end', 'lines.amount', 'lines.currency']) }} as content,
        -- of lines with one id the last told counts: by known_at, then the bytewise last file, then the last line (D11)
        row_number() over (partition by lines.revenue_id order by deliveries.place desc, lines.landing_line desc) as place
    from {{ ref('stg_revenue__lines') }} as lines
    join {{ ref('stg_revenue__deliveries') }} as deliveries on lines.landing_id = deliveries.landing_id

),

kept as (

    select * from told where place = 1

),

-- contract-derived revenue is an accrual, reversed by the invoice line that bills it: never both (R27)
billed as (

    select distinct bills_revenue_id from kept where bills_revenue_id is not null and kind = 'invoice'

),

final as (

    select
        told.*, told.place = 1 as counts, told.kind = 'accrual' and billed.bills_revenue_id is not null as reversed,
        told.content <> kept.content as differs, kept.unit as kept_unit, kept.landing_line as kept_landing_line,
        {{ nanos('case when told.currency = \'' ~ var("reporting_currency") ~ '\' then told.amount else '
            ~ money('told.amount * rates.rate') ~ ' end') }} as amount_nanos
    from told
    join kept on told.revenue_id = kept.revenue_id
    left join billed on told.revenue_id = billed.bills_revenue_id
    left join {{ ref('stg_reference__exchange_rates') }} as rates
        on told.currency = rates.currency and {{ month_of('told.service_period_start') }} = rates.billing_period_start

)

select * from final
