{{ config(materialized='ephemeral') }}
-- grain: as int_call_amounts. What telemetry alone says the calls cost (R18), each call once
select
    charge_day, context, event_id, run_id, source, model, billing_currency, billing_period_start, charge_month, exceeds_ratio, began_at,
    calls, unpriced_calls, {{ from_nanos('list_nanos') }} as estimated_cost, {{ from_nanos('expected_nanos') }} as expected_cost,
    reported_cost
from {{ ref('int_call_amounts') }}
where calls > 0
