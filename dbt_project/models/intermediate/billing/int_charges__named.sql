-- every charge once (R33), with the model, meter, quantity and price dimensions that skus.csv declares for what its bill calls it
with counted as (

    select charges.*
    from {{ ref('stg_billing__charges') }} as charges
    left join {{ ref('stg_billing__left_out_charges') }} as left_out
        on charges.landing_id = left_out.landing_id and charges.landing_line = left_out.landing_line
            and charges.charge_id = left_out.charge_id
    where left_out.charge_id is null

),

-- the texts a line can be named by, the surest first
called as (
{% for column in ['sku_id', 'sku_meter', 'charge_description'] %}
    select charge_id, source, service_name, cast(charge_period_start as date) as charge_day, {{ column }} as sku, {{ loop.index }} as place
    from counted
    where charge_category in ('Usage', 'Adjustment') and {{ column }} is not null
    {{ 'union all' if not loop.last }}
{% endfor %}
),

declared as (

    select
        called.charge_id,
        skus.*,
        row_number() over (
            partition by called.charge_id
            order by case when skus.source is null then 1 else 0 end, case when skus.service_name is null then 1 else 0 end, called.place,
                skus.valid_from desc nulls last, skus.version desc
        ) as declaration_rank
    from called
    join {{ ref('stg_reference__skus') }} as skus
        on called.sku = skus.sku
        and (skus.source is null or skus.source = called.source)
        and (skus.service_name is null or skus.service_name = called.service_name)
        and (skus.valid_from is null or skus.valid_from <= called.charge_day)
        and (skus.valid_to is null or called.charge_day < skus.valid_to)

),

final as (

    select
        counted.charge_id, counted.source, counted.landing_id, counted.landing_line, counted.line_id, counted.linked_line_ids,
        counted.invoice_id,
        {{ listed(owner_dimensions(), 'counted.') }},
        coalesce(declared.model, counted.model) as model, coalesce(declared.meter, counted.meter) as meter
            {%- for dimension in price_dimensions() %},
        coalesce(declared.{{ dimension }}, counted.{{ dimension }}) as {{ dimension }}{% endfor %},
        counted.provider, counted.service_name, counted.sku_id, counted.sku_meter, counted.charge_category, counted.charge_class,
        counted.charge_description,
        counted.reduction, counted.commitment_discount_id, counted.commitment_discount_status, counted.invoice_issuer_name, counted.tags,
        counted.billing_currency, counted.billed_cost, counted.billed_cost_text, counted.billed_cost_residual,
        counted.effective_cost, counted.effective_cost_text, counted.effective_cost_residual, counted.list_cost, counted.contracted_cost,
        -- what the lake counted is of the meter the line told, or tokens; a declared unit size counts whatever the line told
        case
            when declared.unit_size is not null
                then {{ money('coalesce(counted.consumed_quantity, counted.pricing_quantity) * declared.unit_size') }}
            when declared.meter is null or meters.unit = coalesce(told_meters.unit, 'token') then counted.quantity
        end as quantity,
        counted.charge_period_start, counted.charge_period_end, counted.billing_period_start,
        declared.version as sku_version
    from counted
    left join declared on counted.charge_id = declared.charge_id and declared.declaration_rank = 1
    left join {{ ref('meters') }} as meters on declared.meter = meters.meter
    left join {{ ref('meters') }} as told_meters on counted.meter = told_meters.meter

)

select * from final
