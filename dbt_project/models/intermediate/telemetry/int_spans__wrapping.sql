{{ config(materialized='by_day', day='charge_day', made_from='int_call_inputs', reads='int_day_reads') }}
-- depends_on: {{ ref('int_call_inputs') }} {{ ref('int_day_reads') }}
-- grain: billable span that wraps another one
with recursive spans as (

    select
        cast(ended_at as date) as charge_day, trace_id, span_id, parent_span_id, billable,
        delivery_fingerprint, delivery_key, usage_rank, array_length(usage) as usages, ended_at, landing_id, landing_line, record_id
    from {{ ref('int_deliveries') }}
    where {{ within_read_days('ended_at') }}
        and trace_fingerprint in (select trace_fingerprint from {{ ref('int_traces__nested') }} where {{ of_days('charge_day') }})

),

repeated as (

    select distinct delivery_fingerprint from {{ ref('int_deliveries__contested') }} where {{ of_read_days('charge_day') }}

),

ranked as (

    select
        spans.*,
        row_number() over (partition by spans.delivery_key order by spans.usage_rank, spans.usages desc, spans.ended_at, spans.landing_id, spans.landing_line, spans.record_id) as delivery_rank
    from spans
    join repeated on spans.delivery_fingerprint = repeated.delivery_fingerprint

),

latest as (

    select spans.charge_day, spans.trace_id, spans.span_id, spans.parent_span_id, spans.billable
    from spans
    left join repeated on spans.delivery_fingerprint = repeated.delivery_fingerprint
    where repeated.delivery_fingerprint is null
    union all
    select charge_day, trace_id, span_id, parent_span_id, billable from ranked where delivery_rank = 1

),

billable as (

    select charge_day, trace_id, span_id, parent_span_id from latest where billable

),

parents as (

    select spans.trace_id, spans.span_id, spans.parent_span_id
    from latest as spans
    where spans.parent_span_id is not null

),

climb as (

    select billable.trace_id, billable.parent_span_id as ancestor_id, 1 as hops
    from billable
    where billable.parent_span_id is not null

    union all

    select climb.trace_id, parents.parent_span_id as ancestor_id, climb.hops + 1 as hops
    from climb
    join parents on climb.trace_id = parents.trace_id and climb.ancestor_id = parents.span_id
    where climb.hops < 64

),

final as (

    select distinct billable.charge_day, billable.trace_id, billable.span_id
    from billable
    join climb on billable.trace_id = climb.trace_id and billable.span_id = climb.ancestor_id
    where {{ of_days('billable.charge_day') }}

)

select * from final
