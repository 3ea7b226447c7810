select
    source as telemetry_source, landing_id, landing_line, scope_name, attribute, calls, charge_day
from {{ source('lake', 'unread_usage') }}
