{{ config(materialized='ephemeral') }}
-- which price-setting dimensions each source's bill tells (R8)
select
    source{% for dimension in price_dimensions() %},
    max(case when dimension = '{{ dimension }}' then 1 else 0 end) = 1 as tells_{{ dimension }}{% endfor %}
from {{ ref('stg_reference__billing_grain') }}
group by source
