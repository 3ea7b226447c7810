select
    source, provider, endpoint, billing_account_id, default_account_id, finality_days, batch_day
from {{ source('reference', 'billing_sources') }}
