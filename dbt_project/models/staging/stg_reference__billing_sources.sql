select
    source, provider, endpoint, billing_account_id, default_account_id, finality_days
from {{ source('reference', 'billing_sources') }}
