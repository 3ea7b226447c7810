{{ config(materialized='by_day', cluster_by=['tenant_id', 'feature_id'],
    meta={'day': 'event_day', 'made_from': 'int_outcome_inputs', 'reads': 'int_event_reads'}) }}
-- depends_on: {{ ref('int_outcome_inputs') }} {{ ref('int_event_reads') }}
with homes as (

    select run_id from {{ ref('int_run_homes') }} where {{ of_days('event_day') }}

),

estimates as (

    select estimates.run_id, {{ money('sum(estimated_cost)') }} as estimated_cost, {{ money('sum(reported_cost)') }} as reported_cost
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
        {{ from_nanos('runs.cost_nanos') }} as reconciled_cost,
        {{ from_nanos('runs.accrued_nanos') }} as accrued_cost,
        {{ from_nanos('case when waste.waste_class is not null then runs.cost_nanos else 0 end') }} as waste_cost,
        '{{ var("reporting_currency") }}' as currency
    from {{ ref('int_runs') }} as runs
    left join estimates on runs.run_id = estimates.run_id
    left join {{ ref('int_run_waste') }} as waste on runs.run_id = waste.run_id
    where {{ of_days('runs.event_day') }}

)

select * from final
