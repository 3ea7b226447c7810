select
    source as telemetry_source, landing_id, landing_line, run_id, event_id, parent_run_id, retry_of_run_id, declared_kind,
    tenant_id, customer_id, user_hash, feature_id, workflow, prompt_version, environment, started_at, ended_at, status, error_type
from {{ source('lake', 'runs') }}
