{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_share_inputs'}) }}
-- depends_on: {{ ref('int_share_inputs') }}
-- grain: day × context of calls × model × bill and charge month × whether telemetry of what was paid exceeds the bill beyond the policy
-- ratio (R13). What the calls received (R17), and what telemetry alone says they cost: list price × usage, contract price × usage, the
-- emitter's own figure (R18), null where none of the calls tells. Each call counts once for that, with the first bill that pays it, or
-- without a bill. Calls of an event without run stand by when they began, since each may be waste (R23)
{% set bill = ['billing_currency', 'billing_period_start', 'charge_month', 'exceeds_ratio'] %}
{% set used = ['charge_day', 'context', 'profile', 'started_at', 'ended_at', 'told_again', 'answered_from_cache', 'reported_cost'] %}
{% for slot in slots() %}{% do used.extend([slot.name, slot.name ~ '_until']) %}{% endfor %}
with receipts as (

    select receipts.*, receipts.profile as paid_profile from {{ ref('int_receipts') }} as receipts where {{ of_days('receipts.ended_day') }}

),

-- what a call's slots pay stands in one row a bill, so that each call is joined once
rates as (

    select
        profiles.charge_day as rate_day, profiles.profile as rate_profile, profiles.source, profiles.model, paid.*,
        row_number() over (partition by profiles.charge_day, profiles.profile order by {{ listed(bill, 'paid.') }}) = 1 as is_first
    from {{ ref('int_profiles') }} as profiles
    left join {{ by_profile('receipts', ['ended_day', 'paid_profile'] + bill,
        ['sign', 'amount', 'p_0', 'p_1', 'p_2', 'accrued', 'a_0', 'a_1', 'a_2']) }} as paid
        on profiles.charge_day = paid.ended_day and profiles.profile = paid.paid_profile
    where {{ of_days('profiles.charge_day') }}

),

without_run as (

    select charge_day, context
    from {{ ref('int_call_contexts') }}
    where run_id is null and event_id is not null and {{ of_days('charge_day') }}

),

-- a bill may have only some of a profile's slots, and so none that the call used
told as (

    select
        calls.*, rates.*, case when without_run.context is not null then coalesce(calls.started_at, calls.ended_at) end as began_at,
        {% for slot in slots() %}calls.{{ slot.name }} is not null and rates.amount_{{ slot.slot }} is not null{{ ' or ' if not loop.last }}
        {% endfor %}as is_paid
    from {{ valued_calls(used) }} as calls
    join rates on calls.charge_day = rates.rate_day and calls.profile = rates.rate_profile
    left join without_run on calls.charge_day = without_run.charge_day and calls.context = without_run.context

),

amounts as (

    select
        charge_day, context, source, model,{% for column in bill %} case when is_paid then {{ column }} end as {{ column }},{% endfor %}
        began_at,
        case when is_paid and not told_again then {{ slots_carved('sign', 'amount', 'p') }} end as cost_nanos,
        case when is_paid then {{ slots_carved(none, 'accrued', 'a') }} end as accrued_nanos,
        case when is_first then 1 else 0 end as calls,
        case when is_first and list_nanos is null and not answered_from_cache then 1 else 0 end as unpriced_calls,
        case when is_first then list_nanos end as list_nanos, case when is_first then expected_nanos end as expected_nanos,
        case when is_first then reported_cost end as reported_cost
    from told
    where is_first or is_paid

    union all

    select
        others.charge_day, others.context, others.source, others.model, {{ listed(bill, 'others.') }},
        case when without_run.context is not null then coalesce(calls.started_at, calls.ended_at) end,
        others.cost_nanos, others.accrued_nanos, 0, 0, null, null, null
    from {{ ref('int_call_shares__others') }} as others
    join {{ ref('int_calls') }} as calls on others.call_high = calls.call_high and others.call_low = calls.call_low
        and {{ of_days('calls.charge_day') }}
    left join without_run on calls.charge_day = without_run.charge_day and calls.context = without_run.context
    where {{ of_days('others.charge_day') }}

),

summed as (

    select
        charge_day, context, source, model, {{ listed(bill) }}, began_at,
        {{ isum('cost_nanos') }} as cost_nanos, {{ isum('accrued_nanos') }} as accrued_nanos,
        {{ isum('calls') }} as calls, {{ isum('unpriced_calls') }} as unpriced_calls,
        {{ isum('list_nanos') }} as list_nanos, {{ isum('expected_nanos') }} as expected_nanos, sum(reported_cost) as reported_cost
    from amounts
    group by charge_day, context, source, model, {{ listed(bill) }}, began_at

),

final as (

    select
        summed.charge_day, summed.context, contexts.event_id, contexts.run_id, contexts.tenant_id, contexts.feature_id,
        contexts.environment, contexts.production, summed.source, summed.model, {{ listed(bill, 'summed.') }}, summed.began_at,
        summed.cost_nanos, summed.accrued_nanos, summed.calls, summed.unpriced_calls, summed.list_nanos, summed.expected_nanos,
        {{ money('summed.reported_cost') }} as reported_cost
    from summed
    join {{ ref('int_call_contexts') }} as contexts on summed.charge_day = contexts.charge_day and summed.context = contexts.context
        and {{ of_days('contexts.charge_day') }}

)

select * from final
