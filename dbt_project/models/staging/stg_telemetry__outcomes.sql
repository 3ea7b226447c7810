select
    source as telemetry_source, landing_id, landing_line, event_id, outcome, emitter, occurred_at, outcome_value, value_currency,
    confidence, reason
from {{ source('lake', 'outcomes') }}
