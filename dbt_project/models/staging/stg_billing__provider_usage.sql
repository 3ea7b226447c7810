select
    source, landing_id, landing_line,

    {{ listed(owner_dimensions() + ['model', 'meter'] + price_dimensions()) }},

    charge_day, quantity
from {{ source('lake', 'provider_usage') }}
