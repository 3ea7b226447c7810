{{ config(materialized='ephemeral') }}
-- grain: as int_call_amounts, of what a bill pays: what the calls received (R17)
select
    charge_day, context, event_id, run_id, tenant_id, feature_id, environment, production, source, model, billing_currency,
    billing_period_start, charge_month, exceeds_ratio, began_at, cost_nanos, accrued_nanos
from {{ ref('int_call_amounts') }}
where billing_currency is not null
