{{ config(materialized='ephemeral') }}
-- grain: one delivery of one operation, with what makes two deliveries one operation and two operations one call (R17). No WITH:
-- it stands inside one that is RECURSIVE
select
    *, {{ fingerprint(['delivery_key']) }} as delivery_fingerprint, {{ fingerprint(['call_identity']) }} as call_fingerprint,
    case when trace_id is not null then {{ fingerprint(['trace_id']) }} end as trace_fingerprint
from (
    select
        *,
        case
            when trace_id is not null and span_id is not null then concat('span|', lower(trace_id), '|', lower(span_id))
            else concat('record|', telemetry_source, '|', record_id)
        end as delivery_key,
        case
            when response_id is not null then concat(coalesce(provider, ''), '|', response_id)
            when trace_id is not null and span_id is not null then concat(lower(trace_id), '|', lower(span_id))
            else concat(telemetry_source, '|', record_id)
        end as call_identity,
        case usage_source when 'provider' then 0 when 'estimated' then 1 else 2 end as usage_rank
    from {{ ref('stg_telemetry__calls') }}
) as keyed
