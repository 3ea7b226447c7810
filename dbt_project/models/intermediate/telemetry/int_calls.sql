-- grain: call, without its usage, which is int_usages
select
    call_id, call_high, call_low, profile, {{ listed(call_dimensions()) }},
    event_id, run_id, tenant_id, customer_id, user_hash, feature_id, workflow, prompt_version, environment, production, environment_unknown,
    started_at, ended_at, reported_cost, landing_id, landing_line
from {{ ref('int_calls__placed') }}
