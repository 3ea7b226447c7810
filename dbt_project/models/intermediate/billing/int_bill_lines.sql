with filled as (

    select
        charges.charge_id, charges.line_id, charges.linked_line_ids, charges.source, charges.billing_account_id as told_billing_account_id,
        coalesce(charges.billing_account_id, accounts.billing_account_id) as billing_account_id,
        coalesce(charges.sub_account_id, key_projects.sub_account_id) as sub_account_id,
        charges.api_key_id, charges.model, charges.meter{% for dimension in price_dimensions() %},
        case when grain.tells_{{ dimension }}
            then coalesce(charges.{{ dimension }},
            {{ dimension_default(dimension) | replace('meter =', 'charges.meter =') }}) end as {{ dimension }}{% endfor %},
        charges.charge_day, charges.charge_month, charges.billing_period_start, charges.billing_currency, charges.destination,
        charges.charge_category, charges.reduction, charges.service_name, charges.charge_period_start, charges.charge_period_end,
        {{ nanos('charges.effective_cost') }} as cost_nanos,
        {{ nanos('charges.billed_cost') }} as billed_nanos,
        coalesce({{ nanos('charges.list_cost') }}, 0) as list_nanos,
        cast({{ money('charges.quantity * coalesce(meters.scale_factor, 1)') }} as int64) as quantity,
        coalesce(key_projects.environment, accounts.environment) as mapped_environment
    from {{ ref('int_charges') }} as charges
    left join {{ ref('meters') }} as meters on charges.meter = meters.meter
    left join {{ ref('int_source_grain') }} as grain on charges.source = grain.source
    left join {{ ref('int_key_projects') }} as key_projects on charges.source = key_projects.source
        and charges.api_key_id = key_projects.api_key_id
    left join {{ ref('int_project_accounts') }} as accounts
        on charges.source = accounts.source and coalesce(charges.sub_account_id, key_projects.sub_account_id) = accounts.sub_account_id
    where charges.destination <> '(no_rate)'

),

-- what part a line plays: quantity forms a cell, an amount forms another (R10), an adjusting line joins its original's (R15)
parted as (

    select
        *,
        case
            when destination = '(reduction)' then 'reduction'
            when destination = '(matching)' and (quantity = 0 and cost_nanos <> 0 or quantity is null and cost_nanos < 0) then 'adjusting'
            when quantity is not null then 'quantity'
            else 'amount'
        end as part
    from filled

),

final as (

    select
        *,
        {{ key(key_dimensions() + ['charge_day', 'charge_month', 'billing_period_start', 'billing_currency', 'destination']) }}
            as bill_key_id,
        {{ key(key_dimensions() + ['charge_day', 'charge_month', 'billing_period_start', 'billing_currency', 'destination', 'part']) }}
            as bill_cell_id
    from parted

)

select * from final
