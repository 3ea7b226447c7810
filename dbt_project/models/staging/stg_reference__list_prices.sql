select
    source, model, meter, {{ listed(price_dimensions()) }}, price_per_million, currency, valid_from, valid_to, version
from {{ source('reference', 'list_prices') }}
