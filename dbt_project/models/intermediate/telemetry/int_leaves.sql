{{ config(materialized='view') }}
-- grain: billable operation that wraps no other; an aggregate or wrapper span repeats the usage of the calls below it
select deliveries.*
from {{ ref('int_deliveries__latest') }} as deliveries
left join {{ ref('int_spans__wrapping') }} as wrapping on deliveries.trace_id = wrapping.trace_id and deliveries.span_id = wrapping.span_id
where wrapping.span_id is null and deliveries.billable
