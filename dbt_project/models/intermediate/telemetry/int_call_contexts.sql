{{ config(alias='call_contexts', materialized='by_day', cluster_by=['event_id'],
    meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: day × context of a delivery's calls: for whom and why they were made, with what they tell together. A run whose calls stand in
-- several files of a day has a context in each
with landings as (

    select distinct charge_day, landing_id, place from {{ ref('int_told_profiles') }} where {{ of_days('charge_day') }}

),

calls as (

    select
        charge_day, context, min(coalesce(started_at, ended_at)) as started_at, max(ended_at) as ended_at, count(*) as calls,
        max(queue_ms) as queue_ms, max(jitter_ms) as jitter_ms, max(case when throttled then 1 when not throttled then 0 end) as throttled
    from {{ ref('int_calls') }}
    where {{ of_days('charge_day') }}
    group by charge_day, context

),

told as (

    select landings.charge_day, {{ numbered_in_day('landings.place', 'contexts.context') }} as context,
        contexts.event_id, contexts.run_id, {{ listed(names_of_calls() + names_of_settings(), 'contexts.') }},
        contexts.inherited, contexts.identity_group, contexts.names_two_events
    from {{ ref('stg_telemetry__call_contexts') }} as contexts
    join landings on contexts.landing_id = landings.landing_id

),

final as (

    select
        told.*, coalesce(environments.production, true) as production, environments.environment is null as environment_unknown,
        calls.started_at, calls.ended_at, calls.calls, calls.queue_ms, calls.jitter_ms, calls.throttled
    from calls
    join told on calls.charge_day = told.charge_day and calls.context = told.context
    left join {{ ref('stg_reference__environments') }} as environments on lower(told.environment) = environments.environment

)

select * from final
