with costs as (

    select bill_cell_id, {{ isum('cost_nanos') }} as cost_nanos from {{ ref('int_cell_charges') }} group by bill_cell_id

),

environments as (

    select environment, production from {{ ref('stg_reference__environments') }}

),

cells as (

    select
        formed.bill_cell_id, {{ listed(key_dimensions(), 'formed.') }},
        formed.charge_day, formed.charge_month, formed.billing_period_start, formed.billing_currency, formed.part, formed.lines,
        formed.cell_order,
        costs.cost_nanos,
        case
            when formed.part = 'quantity' then formed.quantity
            when formed.part = 'amount' then reported.quantity
        end as quantity,
        case
            when formed.destination <> '(matching)' then formed.destination
            when formed.part = 'quantity' and formed.quantity <= 0 then 'refund_and_dispute'
            when formed.part = 'amount' and reported.quantity is null and costs.cost_nanos <= 0 then 'refund_and_dispute'
            else '(matching)'
        end as destination,
        formed.destination = '(matching)' as in_matching,
        coalesce(not environments.production, false) as non_production,
        {{ depth() | replace('api_key_id', 'formed.api_key_id') | replace('sub_account_id', 'formed.sub_account_id')
            | replace('billing_account_id', 'formed.billing_account_id') }} as depth,
        formed.lines * cast({{ money('coalesce(units.unit, 0) * coalesce(meters.scale_factor, 1)') }} as int64) as twice_rounding_limit,
        coalesce(meters.scale_factor, 1) as scale_factor
        {% for dimension in price_dimensions() %}, formed.{{ dimension }} as told_{{ dimension }}{% endfor %}
    from {{ ref('int_bill_cells__formed') }} as formed
    join costs on formed.bill_cell_id = costs.bill_cell_id
    left join {{ ref('int_reported_quantities') }} as reported on formed.bill_cell_id = reported.bill_cell_id
    left join {{ ref('stg_reference__published_units') }} as units on formed.source = units.source and formed.meter = units.meter
    left join {{ ref('meters') }} as meters on formed.meter = meters.meter
    left join environments on formed.mapped_environment = environments.environment

)

select * from cells
