select
    day, scope_value, reason
from {{ source('reference', 'quiet_days') }}
