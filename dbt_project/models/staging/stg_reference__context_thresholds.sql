select
    provider, model, threshold, valid_from, valid_to, version
from {{ source('reference', 'context_thresholds') }}
