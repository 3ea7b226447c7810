select telemetry_source, scope_name, scope_version, provider, operation, excludes_cache, cache_blind
from {{ source('lake', 'emitters') }}
