select
    source as telemetry_source, landing_id, landing_line, unit, reason, attribute, bytes, charge_day, tenant_id
from {{ source('lake', 'rejected_records') }}
