select
    source, service_name, sku, model, meter, unit_size, {{ listed(price_dimensions()) }}, valid_from, valid_to, version
from {{ source('reference', 'skus') }}
