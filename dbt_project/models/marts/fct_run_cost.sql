{{ config(materialized='by_day', cluster_by=['tenant_id', 'feature_id'],
    meta={'day': 'event_day', 'made_from': 'int_outcome_inputs', 'reads': 'int_event_reads'}) }}
-- depends_on: {{ ref('int_outcome_inputs') }} {{ ref('int_event_reads') }}
with homes as (

    select run_id from {{ ref('int_run_homes') }} where {{ of_days('event_day') }}

),

costs as (

    select
        costs.run_id,
        {{ from_nanos('sum(cost_nanos)') }} as reconciled_cost,
        {{ from_nanos('sum(accrued_nanos)') }} as accrued_cost
    from {{ ref('int_call_costs') }} as costs
    join homes on costs.run_id = homes.run_id
    where {{ of_read_days('costs.charge_day') }}
    group by costs.run_id

),

estimates as (

    select estimates.run_id, {{ money('sum(estimated_cost)') }} as estimated_cost, {{ money('sum(reported_cost)') }} as reported_cost,
        {{ isum('calls') }} as calls
    from {{ ref('int_call_estimates') }} as estimates
    join homes on estimates.run_id = homes.run_id
    where {{ of_read_days('estimates.charge_day') }}
    group by estimates.run_id

),

final as (

    select
        runs.run_id, runs.event_id, runs.event_day, runs.kind, runs.attempt, runs.tenant_id, runs.feature_id, runs.workflow,
        runs.prompt_version, runs.production,
        runs.started_at, runs.ended_at, runs.status, runs.error_type, runs.costliest_model, runs.calls,
        waste.waste_class,
        estimates.estimated_cost, estimates.reported_cost,
        coalesce(costs.reconciled_cost, {{ money("'0'") }}) as reconciled_cost,
        coalesce(costs.accrued_cost, {{ money("'0'") }}) as accrued_cost,
        case when waste.waste_class is not null then coalesce(costs.reconciled_cost, {{ money("'0'") }})
            else {{ money("'0'") }} end as waste_cost,
        '{{ var("reporting_currency") }}' as currency
    from {{ ref('int_runs') }} as runs
    left join costs on runs.run_id = costs.run_id
    left join estimates on runs.run_id = estimates.run_id
    left join {{ ref('int_run_waste') }} as waste on runs.run_id = waste.run_id
    where {{ of_days('runs.event_day') }}

)

select * from final
