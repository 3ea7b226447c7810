-- what providers reckon and do not bill so, beside what their own bill has of the model that day (D60, D65); nothing reads it
with estimates as (

    select
        told.source, told.charge_day, coalesce(names.model, told.model) as model, told.kind, told.customer_type, told.currency,
        {% for meter in ['input', 'cache_read_input', 'cache_write_input', 'output'] -%}
        -- where one record tells no count, the sum is not known
        case when count(told.{{ meter }}_tokens) = count(*) then {{ isum('told.' ~ meter ~ '_tokens') }} end as {{ meter }}_tokens,
        {% endfor -%}
        {{ money('sum(told.estimated_cost)') }} as estimated_cost
    from {{ ref('stg_billing__provider_estimates') }} as told
    left join {{ ref('stg_reference__model_names') }} as names on told.source = names.source and told.model = names.name
    group by told.source, told.charge_day, coalesce(names.model, told.model), told.kind, told.customer_type, told.currency

),

billed as (

    select
        source, charge_day, model,
        case when count(billed_cost) = count(*) then {{ money('sum(billed_cost)') }} end as billed_cost
    from {{ ref('int_charges') }}
    where charge_day is not null and model is not null
    group by source, charge_day, model

),

rated as (

    select
        estimates.*,
        {{ nanos('estimates.estimated_cost') }} as estimated_nanos,
        case when estimates.currency = '{{ var("reporting_currency") }}' then {{ money("'1'") }} else rates.rate end as exchange_rate,
        -- a subscription is on no such bill; so what a source billed of a model and day stands in one row
        case when estimates.customer_type is null or estimates.customer_type = 'api' then billed.billed_cost end as billed_cost
    from estimates
    left join billed
        on estimates.source = billed.source and estimates.charge_day = billed.charge_day and estimates.model = billed.model
    left join {{ ref('stg_reference__exchange_rates') }} as rates
        on estimates.currency = rates.currency and {{ month_of('estimates.charge_day') }} = rates.billing_period_start

),

-- converted once a row, at the locked rate of the day's month (R3)
final as (

    select
        {{ key(['source', 'charge_day', 'model', 'kind', 'customer_type', 'currency']) }} as provider_estimate_id,
        source, charge_day, model, kind, customer_type,
        input_tokens, cache_read_input_tokens, cache_write_input_tokens, output_tokens,
        estimated_cost as original_estimated_cost, currency as original_currency,
        {{ from_nanos(converted_nanos('estimated_nanos', '0', nanos('exchange_rate'))) }} as estimated_cost,
        billed_cost,
        '{{ var("reporting_currency") }}' as currency
    from rated

)

select * from final
