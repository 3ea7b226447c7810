{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_call_days'}) }}
-- depends_on: {{ ref('int_call_days') }}
-- grain: day × what its calls tell of who was called for whom, each once: all that placement is decided by
with told as (

    select distinct cast(ended_at as date) as charge_day, landing_id, profile
    from {{ ref('stg_telemetry__metered_calls') }}
    where {{ within_days('ended_at') }}

)

select distinct told.charge_day, profiles.billable, {{ listed(emitter_columns(), 'profiles.') }}
from told
join {{ ref('stg_telemetry__call_profiles') }} as profiles on told.landing_id = profiles.landing_id and told.profile = profiles.profile
