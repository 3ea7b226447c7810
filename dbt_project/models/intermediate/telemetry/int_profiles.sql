{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: day × profile: all that the usages of a profile's calls have in common (R8)
with seen as (

    select distinct charge_day, profile, told_profile, context_band, price_hour, other_day from {{ ref('int_calls') }}
        where {{ of_days('charge_day') }}

)

-- of two profiles that shared a fingerprint both stand here, and keys_are_told_once sees it before any number is published
select distinct
    seen.charge_day, seen.profile,
    {% for dimension in call_dimensions() if dimension != 'charge_day' -%}
    {{ 'seen' if dimension in ['context_band', 'price_hour', 'other_day'] else 'told' }}.{{ dimension }}{{ ', ' if not loop.last }}
    {%- endfor %}
from seen
join {{ ref('int_told_profiles') }} as told on seen.charge_day = told.charge_day and seen.told_profile = told.told_profile
    and {{ of_days('told.charge_day') }}
