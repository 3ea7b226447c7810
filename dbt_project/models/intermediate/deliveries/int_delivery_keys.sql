{{ config(materialized='by_day', day='charge_day', made_from='int_call_days') }}
-- depends_on: {{ ref('int_call_days') }}
-- grain: delivery. What tells that two of them are one operation, two operations one call, and two calls of one trace, and
-- which may wrap another; `content` is all of it that decides between deliveries of different days
select
    cast(ended_at as date) as charge_day, delivery_fingerprint, call_fingerprint, trace_fingerprint,
    case when trace_id is not null and span_id is not null then {{ fingerprint(['trace_id', 'span_id']) }} end as span_fingerprint,
    case when trace_id is not null and parent_span_id is not null then {{ fingerprint(['trace_id', 'parent_span_id']) }} end as parent_fingerprint,
    billable,
    {{ fingerprint(['delivery_key', 'call_identity', 'trace_id', 'span_id', 'parent_span_id', 'billable', 'usage_rank', 'array_length(usage)', 'ended_at']) }} as content
from {{ ref('int_deliveries') }}
where {{ within_days('ended_at') }}
