select
    source as telemetry_source, landing_id, landing_row, profile, context, call_high, call_low, call_tail, started_at, ended_at,

    input_total, cached_total, input_tokens, input_tokens_exclusive, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    output_tokens, other_usage, other_usage_exclusive,

    reported_cost, queue_ms, jitter_ms, throttled
from {{ source('lake', 'metered_calls') }}
