select
    source, landing_id, landing_line, charge_id, kept_landing_id, kept_landing_line, unit, kept_unit,
    billing_account_id, charge_period_start, billing_period_start, billing_currency, billed_cost, billed_cost_text
from {{ source('lake', 'left_out_charges') }}
