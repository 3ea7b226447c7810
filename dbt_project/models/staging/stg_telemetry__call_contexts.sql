select
    landing_id, context, event_id, run_id, tenant_id, feature_id, customer_id, user_hash, workflow, prompt_version, environment, data_mode,
    inherited, identity_group, names_two_events
from {{ source('lake', 'call_contexts') }}
