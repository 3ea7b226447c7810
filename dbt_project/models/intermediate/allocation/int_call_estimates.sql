{{ config(materialized='by_day', require_partition_filter=true, meta={'day': 'charge_day', 'made_from': 'int_share_inputs'}) }}
-- depends_on: {{ ref('int_share_inputs') }}
-- grain: day × context of calls × model. What telemetry alone says the calls cost: list price × usage, contract price × usage, and the
-- emitter's own figure (R18); null where none of the calls tells
with valued as (

    select * from {{ valued_calls(['charge_day', 'context', 'profile', 'answered_from_cache', 'reported_cost']) }} as valued

),

summed as (

    select
        charge_day, context, profile, count(*) as calls,
        cast(sum(case when list_nanos is null and not answered_from_cache then 1 else 0 end) as int64) as unpriced_calls,
        {{ isum('list_nanos') }} as list_nanos, {{ isum('expected_nanos') }} as expected_nanos, sum(reported_cost) as reported_cost
    from valued
    group by charge_day, context, profile

),

by_model as (

    select
        summed.charge_day, summed.context, profiles.model, {{ isum('summed.calls') }} as calls,
        {{ isum('summed.unpriced_calls') }} as unpriced_calls, {{ isum('summed.list_nanos') }} as list_nanos,
        {{ isum('summed.expected_nanos') }} as expected_nanos, sum(summed.reported_cost) as reported_cost
    from summed
    join {{ ref('int_profiles') }} as profiles on summed.charge_day = profiles.charge_day and summed.profile = profiles.profile
        and {{ of_days('profiles.charge_day') }}
    group by summed.charge_day, summed.context, profiles.model

),

final as (

    select
        by_model.charge_day, by_model.context, contexts.event_id, contexts.run_id, by_model.model, by_model.calls, by_model.unpriced_calls,
        {{ from_nanos('by_model.list_nanos') }} as estimated_cost,
        {{ from_nanos('by_model.expected_nanos') }} as expected_cost,
        {{ money('by_model.reported_cost') }} as reported_cost
    from by_model
    join {{ ref('int_call_contexts') }} as contexts on by_model.charge_day = contexts.charge_day and by_model.context = contexts.context
        and {{ of_days('contexts.charge_day') }}

)

select * from final
