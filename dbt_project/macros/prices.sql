{#
  What finance's contract and list prices say of each row of the CTE `priced`, which tells day, hour, source, model, meter and every price
  dimension: CTEs, of which `final` has the prices in use beside the row (D12)
#}
{% macro prices_of_priced() -%}
{% for book in ['contract', 'list'] %}
{{ book }}_candidates as (

    select
        priced.*,
        prices.price_per_million,
        prices.version,
        row_number() over (
            partition by priced.charge_day, priced.price_hour, priced.source, priced.model, priced.meter,
                {{ listed(price_dimensions(), 'priced.') }}
            order by
                {% for dimension in price_dimensions() %}case when prices.{{ dimension }} is null then 0 else 1 end + {% endfor %}case
                    when prices.time_from is null then 0 else 1 end desc,
                prices.valid_from desc nulls last,
                prices.version desc,
                -- of two that tell as much, the one that tells the dimension that stands first
                {% for dimension in price_dimensions() %}prices.{{ dimension }} nulls last{{ ', ' if not loop.last }}{% endfor %}
        ) as price_rank
    from priced
    join {{ ref('stg_reference__' ~ book ~ '_prices') }} as prices
        on priced.source = prices.source and priced.model = prices.model and priced.meter = prices.meter
        {% for dimension in price_dimensions() %}and (prices.{{ dimension }} is null or prices.{{ dimension }} = priced.{{ dimension }})
        {% endfor %}and (prices.valid_from is null or prices.valid_from <= priced.charge_day)
        and (prices.valid_to is null or priced.charge_day < prices.valid_to)
        and (prices.time_from is null or {{ within_hours('priced.price_hour', 'prices.time_from', 'prices.time_to') }})
        and prices.currency = '{{ var("reporting_currency") }}'

),

{{ book }}_prices as (

    select * from {{ book }}_candidates where price_rank = 1

),

{% endfor %}
final as (

    select
        priced.*,
        contract_prices.price_per_million as contract_price,
        contract_prices.version as contract_price_version,
        list_prices.price_per_million as list_price,
        list_prices.version as list_price_version,
        coalesce(contract_prices.price_per_million, list_prices.price_per_million) as expected_price
    from priced
    {% for book in ['contract', 'list'] %}left join {{ book }}_prices
        on priced.charge_day = {{ book }}_prices.charge_day and priced.price_hour is not distinct from {{ book }}_prices.price_hour
            and priced.source = {{ book }}_prices.source
        and priced.model is not distinct from {{ book }}_prices.model and priced.meter = {{ book }}_prices.meter
        {% for dimension in price_dimensions() %}and priced.{{ dimension }} = {{ book }}_prices.{{ dimension }} {% endfor %}
    {% endfor %}

)
{%- endmacro %}
