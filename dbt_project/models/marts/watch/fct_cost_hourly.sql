{{ config(tags=['watch']) }}
-- grain: hour × tenant × feature × prompt version × model × service tier × environment × production, of the weeks watched. Nothing here
-- has seen a bill (R18)
{% set grain = ['hour', 'tenant_id', 'feature_id', 'prompt_version', 'model', 'service_tier', 'environment', 'production'] %}
with told as (

    select
        * replace (
            coalesce(tenant_id, '(unassigned)') as tenant_id, coalesce(feature_id, '(none)') as feature_id,
            coalesce(prompt_version, '(none)') as prompt_version, coalesce(environment, '(none)') as environment
        ),
        {{ hour_at('hour_index') }} as hour
    from {{ ref('int_cost_hours') }}

),

final as (

    select
        {{ key(grain) }} as cost_hour_id, {{ listed(grain) }},
        {%- for count in ['calls', 'unpriced_calls', 'runs', 'events', 'successes', 'failures'] %}
        {{ isum(count) }} as {{ count }},
        {%- endfor %}
        {{ from_nanos(isum('list_nanos')) }} as estimated_cost, '{{ var("reporting_currency") }}' as currency
    from told
    group by {{ listed(grain) }}

)

select * from final
