{{ config(materialized='ephemeral') }}
with priced as (

    select distinct charge_day, price_hour, source, model, meter, {{ listed(price_dimensions()) }}
    from {{ ref('int_usage_cells__dated') }}

),

{{ prices_of_priced() }}

select * from final
