with final as (

    select
        bill_cell_id, bill_key_id, {{ listed(key_dimensions()) }}, charge_day, charge_month, billing_period_start, billing_currency,
        destination, part,
        max(mapped_environment) as mapped_environment,
        {{ isum('cost_nanos') }} as cost_nanos,
        {{ isum('quantity') }} as quantity,
        count(*) as lines,
        row_number() over (
            order by {{ ordered(key_dimensions()) }}, coalesce(charge_day, charge_month),
                billing_currency, billing_period_start, charge_month, case part when 'quantity' then 0 else 1 end, charge_day nulls last,
                position nulls last
        ) as cell_order
    from {{ ref('int_bill_lines') }}
    left join {{ ref('destinations') }} using (destination)
    where part in ('quantity', 'amount')
    group by bill_cell_id, bill_key_id, {{ listed(key_dimensions()) }}, charge_day, charge_month, billing_period_start, billing_currency,
        destination, part, position

)

select * from final
