with recursive billable as (

    select trace_id, span_id, parent_span_id
    from {{ ref('int_deliveries__latest') }}
    where billable and trace_id is not null

),

-- a trace with one billable span cannot wrap another
crowded as (

    select trace_id from billable group by trace_id having count(*) > 1

),

parents as (

    select spans.trace_id, spans.span_id, spans.parent_span_id
    from {{ ref('int_deliveries__latest') }} as spans
    join crowded on spans.trace_id = crowded.trace_id
    where spans.parent_span_id is not null

),

climb as (

    select billable.trace_id, billable.parent_span_id as ancestor_id, 1 as hops
    from billable
    join crowded on billable.trace_id = crowded.trace_id
    where billable.parent_span_id is not null

    union all

    select climb.trace_id, parents.parent_span_id as ancestor_id, climb.hops + 1 as hops
    from climb
    join parents on climb.trace_id = parents.trace_id and climb.ancestor_id = parents.span_id
    where climb.hops < 64

),

final as (

    select distinct billable.trace_id, billable.span_id
    from billable
    join climb on billable.trace_id = climb.trace_id and billable.span_id = climb.ancestor_id

)

select * from final
