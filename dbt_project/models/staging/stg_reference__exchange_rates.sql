select
    currency, billing_period_start, rate, version
from {{ source('reference', 'exchange_rates') }}
