select
    kind, scope_value, threshold, minimum_cost, minimum_calls, owner
from {{ source('reference', 'alert_rules') }}
