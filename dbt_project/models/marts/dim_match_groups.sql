-- what the usages of a match group have in common, and the prices they are expected to cost
with final as (

    select
        usage_cell_id as match_group_id, {{ listed(key_dimensions()) }}, charge_day, estimated, other_day, second_other_day, other_day_flag,
        cache_blind,
        {{ assumed_names('assumed', price_dimensions()) }} as assumed, sampling_probability_millionths,
        {{ from_scaled('quantity', 'scale_factor') }} as quantity, scale_factor as quantity_scale, calls,
        contract_price, contract_price_version, list_price, list_price_version,
        '{{ var("reporting_currency") }}' as currency
    from {{ ref('int_usage_cells') }}

)

select * from final
