-- grain: event whose outcome was said otherwise before: what was said first, and what counts now (R24)
with told as (

    select
        event_id, outcome, emitter, occurred_at,
        row_number() over (partition by event_id order by occurred_at, emitter, outcome, landing_id, landing_line) as place
    from {{ ref('stg_telemetry__outcomes') }}
    -- an outcome that was said once was never said otherwise, and hardly any is said twice
    where event_id in (select said.event_id from {{ ref('stg_telemetry__outcomes') }} as said group by said.event_id having count(*) > 1)

),

first_told as (

    select event_id, outcome, emitter, occurred_at from told where place = 1

)

select
    events.event_id, first_told.outcome as first_outcome, first_told.emitter as first_emitter, first_told.occurred_at as first_at,
    events.outcome, events.outcome_emitter, events.outcome_at, events.tenant_id, events.feature_id, events.production,
    {{ month_of('cast(first_told.occurred_at as date)') }} as first_month, {{ month_of('cast(events.outcome_at as date)') }} as month,
    events.reconciled_cost, '{{ var("reporting_currency") }}' as currency
from first_told
join {{ ref('fct_cost_per_outcome') }} as events on first_told.event_id = events.event_id
where first_told.outcome <> events.outcome
