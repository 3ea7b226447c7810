select
    own_id, telemetry_source, told_landing_id as landing_id, told_landing_line as landing_line, tellings, inherited, identity_group,
    names_two_events, cache_blind,
    scope_name, scope_version, span_kind, billable, answered_from_cache,

    provider, endpoint, billing_account_id, sub_account_id, api_key_id, model,
    service_tier, batch, context_band, geography, region, speed, operation,

    event_id, run_id, tenant_id, customer_id, user_hash, feature_id, workflow, prompt_version, environment, data_mode,

    started_at, ended_at, queue_ms, jitter_ms, throttled,

    usage_source, input_total, token_semantics_by, cache_exceeds_input, usage_inconsistent, reported_cost, sampling_probability_millionths,
    usage
from {{ source('lake', 'resolved_calls') }}
