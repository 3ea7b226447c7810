{{ config(materialized='by_day', cluster_by=['tenant_id', 'feature_id'],
    meta={'day': 'event_day', 'made_from': 'int_outcome_inputs', 'reads': 'int_event_reads'}) }}
-- depends_on: {{ ref('int_outcome_inputs') }} {{ ref('int_event_reads') }}
with homes as (

    select event_id from {{ ref('int_event_homes') }} where {{ of_days('event_day') }}

),

costs as (

    select
        costs.event_id,
        {{ from_nanos('sum(cost_nanos)') }} as reconciled_cost,
        {{ from_nanos('sum(accrued_nanos)') }} as accrued_cost
    from {{ ref('int_call_costs') }} as costs
    join homes on costs.event_id = homes.event_id
    where {{ of_read_days('costs.charge_day') }}
    group by costs.event_id

),

estimates as (

    select
        estimates.event_id,
        {{ money('sum(estimated_cost)') }} as estimated_cost,
        {{ money('sum(expected_cost)') }} as expected_cost,
        {{ money('sum(reported_cost)') }} as reported_cost,
        {{ isum('unpriced_calls') }} as unpriced_calls
    from {{ ref('int_call_estimates') }} as estimates
    join homes on estimates.event_id = homes.event_id
    where {{ of_read_days('estimates.charge_day') }}
    group by estimates.event_id

),

-- how undecided the routing was: the entropy of its calls over models, in bits; 0 where one model answered all. It is no money, so it
-- may be a binary float, rounded where both warehouses agree
by_model as (

    select estimates.event_id, estimates.model, {{ isum('estimates.calls') }} as calls
    from {{ ref('int_call_estimates') }} as estimates
    join homes on estimates.event_id = homes.event_id
    where {{ of_read_days('estimates.charge_day') }} and estimates.model is not null
    group by estimates.event_id, estimates.model

),

routing as (

    select
        event_id,
        round(case when count(*) = 1 then 0 else greatest(0, ln(sum(calls)) - sum(calls * ln(calls)) / sum(calls)) / ln(2) end, 6)
            as entropy
    from by_model
    group by event_id

),

-- what calls without run cost of an event that came to nothing, or after it had ended (R23); of calls in a run the run tells
waste as (

    select event_id, {{ money('sum(waste_cost)') }} as waste_cost
    from (
        select event_id, waste_cost from {{ ref('fct_run_cost') }} where event_id is not null and {{ of_days('event_day') }}
        union all
        select costs.event_id, {{ from_nanos('costs.cost_nanos') }}
        from {{ ref('int_call_costs') }} as costs
        join {{ ref('int_events') }} as events on costs.event_id = events.event_id and {{ of_days('events.event_day') }}
        where costs.run_id is null and {{ of_read_days('costs.charge_day') }}
            and (costs.began_at > events.outcome_at or {{ outcome_of('events') }} in ('abandoned', 'failure'))
    ) as parts
    group by event_id

),

final as (

    select
        events.event_id, events.event_day, {{ outcome_of('events') }} as outcome, events.outcome_emitter, events.outcome_at,
        events.outcome_value, events.value_currency,
        events.tenant_id, events.feature_id, events.called_tenant_id, events.called_feature_id, events.customer_id, events.user_hash,
        events.workflow, events.prompt_version, events.environment, events.data_mode, events.production,
        events.model_route, {{ money('routing.entropy') }} as routing_entropy,
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
    left join routing on events.event_id = routing.event_id
    where {{ of_days('events.event_day') }}

)

select * from final
