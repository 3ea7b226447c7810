with final as (

    select
        {{ key(['event_id', 'charge_month', 'production']) }} as event_cost_month_id,
        event_id, charge_month, production,
        {{ money('sum(reconciled_cost)') }} as reconciled_cost,
        {{ money('sum(accrued_cost)') }} as accrued_cost,
        '{{ var("reporting_currency") }}' as currency
    from {{ ref('fct_allocation') }}
    where event_id is not null
    group by event_id, charge_month, production

)

select * from final
