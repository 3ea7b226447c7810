-- where each line that only adjusts belongs (R15): its original's cell, what that cell gave, or nowhere
with lines as (

    select * from {{ ref('int_bill_lines') }}

),

adjusting as (

    select *, coalesce(array_length(linked_line_ids), 0) > 0 as is_linked from lines where part = 'adjusting'

),

-- the first linked line that the bill has; a link is never replaced by a search
linked as (

    select
        adjusting.charge_id, lines.bill_cell_id, lines.part, lines.destination,
        row_number() over (partition by adjusting.charge_id order by place, lines.charge_id) as link_rank
    from adjusting
    {{ unnested_in_order('adjusting.linked_line_ids', 'linked_line_id', 'place') }}
    join lines on adjusting.source = lines.source and linked_line_id = lines.line_id

),

-- without any link: the cell equal in all it tells, the one with quantity first
alike as (

    select bill_key_id, bill_cell_id, row_number() over (partition by bill_key_id order by case part when 'quantity' then 0 else 1 end) as alike_rank
    from {{ ref('int_bill_cells__formed') }}
    where destination = '(matching)'

),

originals as (

    select
        adjusting.*,
        case
            when not adjusting.is_linked then alike.bill_cell_id
            when linked.destination = '(matching)' and linked.part in ('quantity', 'amount') then linked.bill_cell_id
        end as original_cell_id
    from adjusting
    left join linked on adjusting.charge_id = linked.charge_id and linked.link_rank = 1
    left join alike on adjusting.bill_key_id = alike.bill_key_id and alike.alike_rank = 1

),

final as (

    select
        originals.charge_id, originals.source, originals.billing_currency, originals.billing_period_start, originals.charge_month, originals.charge_day,
        originals.cost_nanos,
        originals.original_cell_id,
        case
            when cells.bill_cell_id is null then 'refund_and_dispute'
            when cells.billing_period_start = originals.billing_period_start and cells.billing_currency = originals.billing_currency then 'joined'
            else 'carried'
        end as treatment
    from originals
    left join {{ ref('int_bill_cells__formed') }} as cells on originals.original_cell_id = cells.bill_cell_id

)

select * from final
