select
    landing_id, profile, telemetry_source, scope_name, scope_version, provider, operation, endpoint,
    billing_account_id, sub_account_id, api_key_id, model, service_tier, batch, context_band, geography, region, speed,
    span_kind, billable, answered_from_cache, usage_source, token_semantics_by, cache_exceeds_input, usage_inconsistent,
    sampling_probability_millionths, cache_blind, usage_told
from {{ source('lake', 'call_profiles') }}
