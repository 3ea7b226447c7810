select
    source as telemetry_source, landing_id, landing_line, landing_row, dialect, scope_name, scope_version, span_kind, record_id, trace_id,
    span_id, parent_span_id, response_id, billable, answered_from_cache,

    provider, endpoint, billing_account_id, sub_account_id, api_key_id, model, request_model,
    service_tier, batch, context_band, geography, region, speed, operation,

    event_id, run_id, tenant_id, customer_id, user_hash, feature_id, workflow, prompt_version, environment, data_mode, service,

    started_at, ended_at, status, error_type,

    usage_source, meters_told, input_total, output_total, cached_total, tells_cache, token_semantics, token_semantics_by,
    cache_exceeds_input, usage_inconsistent,

    queue_ms, jitter_ms, throttled, reported_cost, reported_currency, sampling_probability_millionths, usage, usage_exclusive
from {{ source('lake', 'calls') }}
