select
    scope, scope_value, month, amount, currency, warning_share, alert_share, owner
from {{ source('reference', 'budgets') }}
