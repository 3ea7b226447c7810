{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: day × event: what the event's first call of the day tells
with ranked as (

    select
        charge_day, event_id, {{ listed(hour_dimensions()[1:]) }},
        row_number() over (partition by event_id order by ended_at, call_high, call_low) as place
    from {{ ref('int_calls') }}
    where event_id is not null and {{ of_days('charge_day') }}

)

select charge_day, event_id, {{ listed(hour_dimensions()[1:]) }} from ranked where place = 1
