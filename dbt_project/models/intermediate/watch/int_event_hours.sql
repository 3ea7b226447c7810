{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: day × event: what the event's first call of the day tells
with ranked as (

    select
        calls.charge_day, contexts.event_id, {{ hour_dimensions_of_calls() }},
        row_number() over (
            partition by contexts.event_id, calls.charge_day order by calls.ended_at, calls.call_high, calls.call_low
        ) as place
    from {{ ref('int_calls') }} as calls
    {{ with_words('calls') }}
    where contexts.event_id is not null and {{ of_days('calls.charge_day') }}

)

select charge_day, event_id, {{ listed(hour_dimensions()[1:]) }} from ranked where place = 1
