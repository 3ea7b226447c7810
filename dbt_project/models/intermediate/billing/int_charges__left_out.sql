{{ config(materialized='ephemeral') }}
-- grain: line of a bill that another delivery of its source told already, and that is in no sum (R33)
select
    charges.source, charges.billing_account_id, charges.billing_period_start, cast(charges.charge_period_start as date) as charge_day,
    charges.unit, charges.landing_id, charges.landing_line, charges.charge_id, charges.kept_unit, charges.kept_landing_line,
    {{ money('charges.billed_cost * case when charges.billing_currency = \'' ~ var("reporting_currency") ~ '\' then ' ~ money("'1'")
        ~ ' else rates.rate end') }} as billed_cost
from {{ ref('stg_billing__left_out_charges') }} as charges
left join {{ ref('stg_reference__exchange_rates') }} as rates
    on charges.billing_currency = rates.currency and {{ month_of('charges.billing_period_start') }} = rates.billing_period_start
