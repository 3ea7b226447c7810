-- where each line that only adjusts belongs (R15): its original's cell, what that cell gave, or nowhere; rounds double the
-- length of chain that is followed
{% set rounds = 4 %}
with lines as (

    select * from {{ ref('int_bill_lines') }}

),

adjusting as (

    select *, coalesce(array_length(linked_line_ids), 0) > 0 as is_linked from lines where part = 'adjusting'

),

-- without any link: the cell equal in all it tells, the one with quantity first
alike as (

    select bill_key_id, bill_cell_id,
        row_number() over (partition by bill_key_id order by case part when 'quantity' then 0 else 1 end) as alike_rank
    from {{ ref('int_bill_cells__formed') }}
    where destination = '(matching)'

),

-- a link is never replaced by a search; one to a line that itself only adjusts leads on to that line's original
after_0 as (

    select
        adjusting.charge_id,
        case
            when not adjusting.is_linked then alike.bill_cell_id
            when lines.destination = '(matching)' and lines.part in ('quantity', 'amount') then lines.bill_cell_id
        end as original_cell_id,
        case when lines.part = 'adjusting' then lines.charge_id end as next_id
    from adjusting
    left join {{ ref('int_charge_originals') }} as originals on adjusting.charge_id = originals.charge_id
    left join lines on originals.original_id = lines.charge_id
    left join alike on adjusting.bill_key_id = alike.bill_key_id and alike.alike_rank = 1

),
{% for round in range(rounds) %}
after_{{ round + 1 }} as (

    select near.charge_id, coalesce(near.original_cell_id, far.original_cell_id) as original_cell_id, far.next_id
    from after_{{ round }} as near
    left join after_{{ round }} as far on near.next_id = far.charge_id

),
{% endfor %}
originals as (

    select adjusting.*, found.original_cell_id
    from adjusting
    join after_{{ rounds }} as found on adjusting.charge_id = found.charge_id

),

final as (

    select
        originals.charge_id, originals.source, originals.billing_currency, originals.billing_period_start, originals.charge_month,
        originals.charge_day,
        originals.cost_nanos,
        originals.original_cell_id,
        case
            when cells.bill_cell_id is null then 'refund_and_dispute'
            when cells.billing_period_start = originals.billing_period_start and cells.billing_currency = originals.billing_currency
                then 'joined'
            else 'carried'
        end as treatment
    from originals
    left join {{ ref('int_bill_cells__formed') }} as cells on originals.original_cell_id = cells.bill_cell_id

)

select * from final
