-- grain: kind × key × day: runs of which no call was seen, and outcomes of events without any run or call, by feature (R33)
with runs as (

    select
        run_id, {{ only_of('min(feature_id)', 'max(feature_id)') }} as feature_id,
        cast(min(coalesce(started_at, ended_at)) as date) as charge_day
    from {{ ref('stg_telemetry__runs') }}
    group by run_id

),

silent as (

    select runs.feature_id, runs.charge_day
    from runs
    left join {{ ref('int_call_contexts') }} as contexts on runs.run_id = contexts.run_id
    where contexts.run_id is null

    union all

    select cast(null as string), cast(outcome_at as date)
    from {{ ref('int_events') }}
    where outcome is not null and calls = 0 and runs = 0

),

final as (

    select
        'no_calls' as kind, '(none)' as source, charge_day, trim(concat('source=(none) ', {{ named(['feature_id']) }})) as break_key,
        {{ money('count(*)') }} as quantity, {{ money('null') }} as amount,
        'runs, and outcomes of events without a run, of which no call was seen' as note, cast(null as string) as reconciliation_id
    from silent
    group by feature_id, charge_day

)

select * from final
