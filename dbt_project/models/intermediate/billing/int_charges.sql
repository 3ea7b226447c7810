with charges as (

    select *, {{ month_of('cast(charge_period_start as date)') }} as charge_month
    from {{ ref('int_charges__named') }}

),

ruled as (

    select
        charges.charge_id,
        rules.destination,
        rules.version,
        row_number() over (partition by charges.charge_id order by rules.priority, rules.destination, rules.version) as rule_rank
    from charges
    join {{ ref('stg_reference__charge_rules') }} as rules
        on (rules.source is null or rules.source = charges.source)
        and (rules.service_name is null or rules.service_name = charges.service_name)
        and (rules.billing_account_id is null or rules.billing_account_id = charges.billing_account_id)
        and (rules.sub_account_id is null or rules.sub_account_id = charges.sub_account_id)
        and (rules.sku_meter is null or rules.sku_meter = charges.sku_meter)
        and (rules.model is null or rules.model = charges.model)
        and (rules.charge_category is null or rules.charge_category = charges.charge_category)
        and (rules.tag_key is null
            or ({{ json_text('charges.tags', 'rules.tag_key') }} is not null
                and (rules.tag_value is null or {{ json_text('charges.tags', 'rules.tag_key') }} = rules.tag_value)))
        and (rules.valid_from is null or rules.valid_from <= cast(charges.charge_period_start as date))
        and (rules.valid_to is null or cast(charges.charge_period_start as date) < rules.valid_to)

),

-- converted once, at the locked rate of the billing period (R3)
converted as (

    select
        charges.*,
        {{ nanos('charges.billed_cost') }} as billed_nanos,
        {{ nanos('charges.effective_cost') }} as effective_nanos,
        case when charges.billing_currency = '{{ var("reporting_currency") }}' then {{ money("'1'") }} else rates.rate end as exchange_rate,
        case when charges.billing_currency = '{{ var("reporting_currency") }}' then null else rates.version end as exchange_rate_version,
        ruled.destination as rule_destination,
        ruled.version as rule_version
    from charges
    left join ruled on charges.charge_id = ruled.charge_id and ruled.rule_rank = 1
    left join {{ ref('stg_reference__exchange_rates') }} as rates
        on charges.billing_currency = rates.currency and charges.billing_period_start = rates.billing_period_start

),

-- the first destination that applies (R5); what is left meets telemetry
final as (

    select
        converted.charge_id, converted.source, converted.landing_id, converted.landing_line, converted.line_id, converted.linked_line_ids,
        converted.invoice_id,
        {% for dimension in owner_dimensions() %}coalesce(converted.{{ dimension }}, originals.{{ dimension }}) as {{ dimension }},
            {% endfor -%}
        coalesce(names.model, converted.model, originals.model) as model, coalesce(converted.meter, originals.meter) as meter,
        {% for dimension in price_dimensions() %}{{ 'coalesce(converted.geography, names.geography) as geography'
        if dimension == 'geography' else 'converted.' ~ dimension }}, {% endfor %}
        converted.service_name, converted.sku_id, converted.sku_meter, converted.charge_category, converted.charge_class,
        converted.charge_description,
        converted.reduction, converted.commitment_discount_status, converted.invoice_issuer_name,
        converted.charge_period_start, converted.charge_period_end, converted.billing_period_start, converted.charge_month,
        case
            when converted.charge_period_end <= converted.charge_period_start
                or cast(converted.charge_period_start as date) = cast(converted.charge_period_end - interval 1 microsecond as date)
                then cast(converted.charge_period_start as date)
        end as charge_day,
        converted.billing_currency, converted.billed_cost_text, converted.effective_cost_text, converted.billed_cost_residual,
        converted.billed_cost as original_billed_cost,
        converted.exchange_rate, converted.exchange_rate_version, converted.rule_version, converted.sku_version,
        {{ from_nanos(converted_nanos('converted.billed_nanos', 'converted.billed_cost_residual', nanos('converted.exchange_rate'))) }}
            as billed_cost,
        {{ from_nanos(converted_nanos('converted.effective_nanos', 'converted.effective_cost_residual',
            nanos('converted.exchange_rate'))) }} as effective_cost,
        converted.list_cost,
        converted.quantity,
        case
            when converted.exchange_rate is null then '(no_rate)'
            when converted.rule_destination = 'out_of_scope' then 'out_of_scope'
            when converted.charge_category = 'Tax' then 'tax'
            when converted.charge_category = 'Purchase' or converted.rule_destination = 'support_and_fees' then 'support_and_fees'
            when converted.reduction = 'price' then '(reduction)'
            when converted.charge_category = 'Credit' or converted.reduction = 'promotional' then 'credit'
            when converted.commitment_discount_status = 'Unused' then 'commitment_idle'
            when converted.rule_destination = 'commitment_shortfall' then 'commitment_shortfall'
            when converted.rule_destination = 'platform_usage' then 'platform_usage'
            -- money that changes no quantity and whose link nobody knows goes on to `refund_and_dispute` (R15)
            when coalesce(array_length(converted.linked_line_ids), 0) > 0 and originals.charge_id is null
                and (converted.quantity is null and converted.effective_nanos < 0 or converted.quantity = 0
                    and converted.effective_nanos <> 0) then '(matching)'
            when coalesce(converted.model, originals.model) is null or meters.meter is null then 'unmapped'
            else '(matching)'
        end as destination
    from converted
    left join {{ ref('int_charge_originals') }} as originals on converted.charge_id = originals.charge_id
    left join {{ ref('meters') }} as meters on coalesce(converted.meter, originals.meter) = meters.meter
    left join {{ ref('stg_reference__model_names') }} as names on converted.source = names.source
        and coalesce(converted.model, originals.model) = names.name

)

select * from final
