{{ config(materialized='ephemeral') }}
with lines as (

    select * from {{ ref('int_bill_lines') }}

),

reductions as (

    select * from lines where part = 'reduction'

),

links as (

    select distinct reductions.charge_id, linked_line_id
    from reductions
    {{ unnested('reductions.linked_line_ids', 'linked_line_id') }}

),

targets as (

    -- the linked lines of the same source, currency and billing period
    select reductions.charge_id, lines.bill_cell_id, lines.list_nanos
    from reductions
    join links on reductions.charge_id = links.charge_id
    join lines
        on links.linked_line_id = lines.line_id and reductions.source = lines.source
            and reductions.billing_currency = lines.billing_currency
        and reductions.billing_period_start = lines.billing_period_start
    where lines.part not in ('reduction', 'adjusting')

    union all

    -- without any link: the usage of the same account and service inside the reduction's charge period
    select reductions.charge_id, lines.bill_cell_id, lines.list_nanos
    from reductions
    left join links on reductions.charge_id = links.charge_id
    join lines
        on reductions.source = lines.source and reductions.billing_currency = lines.billing_currency
        and reductions.billing_period_start = lines.billing_period_start
        and reductions.told_billing_account_id is not distinct from lines.told_billing_account_id
        and reductions.service_name is not distinct from lines.service_name
        and lines.charge_period_start >= reductions.charge_period_start and lines.charge_period_end <= reductions.charge_period_end
    where links.charge_id is null and lines.charge_category = 'Usage' and lines.reduction is null
        and lines.part not in ('reduction', 'adjusting')

),

summed as (

    select charge_id, bill_cell_id, {{ isum('list_nanos') }} as list_nanos from targets group by charge_id, bill_cell_id

),

weighted as (

    select summed.charge_id, summed.bill_cell_id, cells.cell_order, reductions.cost_nanos as amount,
        {{ micro_weight('summed.list_nanos') }} as weight
    from summed
    join reductions on summed.charge_id = reductions.charge_id
    join {{ ref('int_bill_cells__formed') }} as cells on summed.bill_cell_id = cells.bill_cell_id

),

final as (

    select charge_id, bill_cell_id, share as cost_nanos from {{ carved_by_weight('weighted', 'charge_id', 'cell_order') }} as shares

)

select * from final
