with final as (

    select
        {{ key(['event_id', 'charge_month', 'production']) }} as event_cost_month_id,
        event_id, charge_month, production,
        {{ from_nanos('sum(cost_nanos)') }} as reconciled_cost,
        {{ from_nanos('sum(accrued_nanos)') }} as accrued_cost,
        '{{ var("reporting_currency") }}' as currency
    from {{ ref('int_call_costs') }}
    where event_id is not null
    group by event_id, charge_month, production

)

select * from final
