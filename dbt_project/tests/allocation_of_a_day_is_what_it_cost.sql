{{ config(meta={'day': 'charge_day', 'made_from': 'int_share_inputs', 'a_batch': true}) }}
-- depends_on: {{ ref('int_share_inputs') }}
-- the audit trail, read row by row, gives what the tables of a day say its calls cost, for every event, run, model and bill (R17)
with amounts as (

    select event_id, run_id, production, model, source, billing_currency, billing_period_start, charge_month,
        reconciled_cost, accrued_cost
    from {{ ref('fct_allocation') }}
    where target_kind = 'call' and {{ of_days('ended_day') }}

    union all

    select event_id, run_id, production, model, source, billing_currency, billing_period_start, charge_month,
        -{{ from_nanos('cost_nanos') }}, -{{ from_nanos('accrued_nanos') }}
    from {{ ref('int_call_costs') }}
    where {{ of_days('charge_day') }}

)

select event_id, run_id, production, model, source, billing_currency, billing_period_start, charge_month,
    sum(reconciled_cost) as difference, sum(accrued_cost) as accrued_difference
from amounts
group by event_id, run_id, production, model, source, billing_currency, billing_period_start, charge_month
having sum(reconciled_cost) <> 0 or sum(accrued_cost) <> 0
