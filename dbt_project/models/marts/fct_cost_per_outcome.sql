with costs as (

    select
        event_id,
        {{ from_nanos('sum(cost_nanos)') }} as reconciled_cost,
        {{ from_nanos('sum(accrued_nanos)') }} as accrued_cost
    from {{ ref('int_call_costs') }}
    where event_id is not null
    group by event_id

),

estimates as (

    select
        event_id,
        {{ money('sum(estimated_cost)') }} as estimated_cost,
        {{ money('sum(expected_cost)') }} as expected_cost,
        {{ money('sum(reported_cost)') }} as reported_cost,
        count(*) - count(estimated_cost) as unpriced_calls
    from {{ ref('int_call_estimates') }}
    where event_id is not null
    group by event_id

),

waste as (

    select event_id, {{ money('sum(waste_cost)') }} as waste_cost from {{ ref('fct_run_cost') }} where event_id is not null group by event_id

),

final as (

    select
        events.event_id, events.outcome, events.outcome_emitter, events.outcome_at, events.outcome_value, events.value_currency,
        events.tenant_id, events.feature_id, events.customer_id, events.user_hash, events.workflow, events.prompt_version, events.production,
        events.started_at, events.ended_at, events.runs, events.attempts, events.failed_attempts, events.calls,
        estimates.estimated_cost, estimates.expected_cost, estimates.reported_cost,
        cast(coalesce(estimates.unpriced_calls, 0) as int64) as unpriced_calls,
        coalesce(costs.reconciled_cost, {{ money("'0'") }}) as reconciled_cost,
        coalesce(costs.accrued_cost, {{ money("'0'") }}) as accrued_cost,
        coalesce(waste.waste_cost, {{ money("'0'") }}) as waste_cost,
        case when coalesce(costs.accrued_cost, {{ money("'0'") }}) <> 0 then 'estimated' else 'preliminary' end as status,
        '{{ var("reporting_currency") }}' as currency
    from {{ ref('int_events') }} as events
    left join costs on events.event_id = costs.event_id
    left join estimates on events.event_id = estimates.event_id
    left join waste on events.event_id = waste.event_id

)

select * from final
