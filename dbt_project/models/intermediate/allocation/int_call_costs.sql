{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_share_inputs'}) }}
-- depends_on: {{ ref('int_share_inputs') }} grain: day × context of calls × model × bill and charge month × whether telemetry of what was
-- paid exceeds the bill beyond the policy ratio (R13): what the calls received. Calls of an event without run stand by when they began,
-- since each may be waste (R23)
{% set bill = ['source', 'model', 'billing_currency', 'billing_period_start', 'charge_month', 'exceeds_ratio'] %}
with receipts as (

    select * from {{ ref('int_receipts') }} where {{ of_days('ended_day') }}

),

-- what a call's slots pay stands in one row, so that each call is joined once
rates as (

    select * from {{ by_profile('receipts', ['ended_day', 'profile'] + bill,
        ['sign', 'amount', 'p_0', 'p_1', 'p_2', 'accrued', 'a_0', 'a_1', 'a_2']) }} as rates

),

without_run as (

    select charge_day, context
    from {{ ref('int_call_contexts') }}
    where run_id is null and event_id is not null and {{ of_days('charge_day') }}

),

shares as (

    select
        calls.charge_day, calls.context, {{ listed(bill, 'rates.') }},
        case when without_run.context is not null then coalesce(calls.started_at, calls.ended_at) end as began_at,
        {{ isum('case when not calls.told_again then ' ~ slots_carved('sign', 'amount', 'p') ~ ' end') }} as cost_nanos,
        {{ isum(slots_carved(none, 'accrued', 'a')) }} as accrued_nanos
    from {{ ref('int_calls') }} as calls
    join rates on calls.charge_day = rates.ended_day and calls.profile = rates.profile
    left join without_run on calls.charge_day = without_run.charge_day and calls.context = without_run.context
    -- a bill may have only some of a profile's slots
    where {{ of_days('calls.charge_day') }} and (
        {% for slot in slots() %}calls.{{ slot.name }} is not null and rates.amount_{{ slot.slot }} is not null{{ ' or ' if not loop.last }}
        {% endfor %})
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9

    union all

    select
        others.charge_day, others.context, {{ listed(bill, 'others.') }},
        case when without_run.context is not null then coalesce(calls.started_at, calls.ended_at) end,
        others.cost_nanos, others.accrued_nanos
    from {{ ref('int_call_shares__others') }} as others
    join {{ ref('int_calls') }} as calls on others.call_high = calls.call_high and others.call_low = calls.call_low
        and {{ of_days('calls.charge_day') }}
    left join without_run on calls.charge_day = without_run.charge_day and calls.context = without_run.context
    where {{ of_days('others.charge_day') }}

),

summed as (

    select
        charge_day, context, {{ listed(bill) }}, began_at,
        {{ isum('cost_nanos') }} as cost_nanos, {{ isum('accrued_nanos') }} as accrued_nanos
    from shares
    group by charge_day, context, {{ listed(bill) }}, began_at

),

final as (

    select
        summed.charge_day, summed.context, contexts.event_id, contexts.run_id, contexts.tenant_id, contexts.feature_id,
        contexts.environment, contexts.production, {{ listed(bill, 'summed.') }}, summed.began_at, summed.cost_nanos, summed.accrued_nanos
    from summed
    join {{ ref('int_call_contexts') }} as contexts on summed.charge_day = contexts.charge_day and summed.context = contexts.context
        and {{ of_days('contexts.charge_day') }}

)

select * from final
