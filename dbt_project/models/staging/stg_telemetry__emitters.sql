select
    telemetry_source, scope_name, scope_version, provider, operation, cache_blind
from {{ source('lake', 'emitters') }}
