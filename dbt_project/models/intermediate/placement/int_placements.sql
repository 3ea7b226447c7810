-- grain: emitter, each combination of what calls tell of who told them and who was called for whom: its billing source, its owners
-- filled upwards, its model's name after aliases, how its counts are read (R8, R31)
with emitters as (

    select distinct {{ listed(emitter_columns()) }}, {{ fingerprint(emitter_columns()) }} as emitter from {{ ref('int_emitters') }}

),

final as (

    select
        emitters.emitter,
        coalesce(sources.source, '(none)') as source,
        coalesce(emitters.billing_account_id, accounts.billing_account_id) as placed_account_id,
        coalesce(emitters.sub_account_id, key_projects.sub_account_id) as placed_sub_account_id,
        names.model as placed_model,
        names.geography as placed_geography,
        coalesce(readings.excludes_cache, false) as excludes_cache,
        coalesce(readings.cache_blind, false) as cache_blind
    from emitters
    left join {{ ref('int_call_sources') }} as sources
        on coalesce(emitters.provider, '') = coalesce(sources.provider, '')
        and emitters.endpoint is not distinct from sources.endpoint
        and emitters.billing_account_id is not distinct from sources.billing_account_id
    left join {{ ref('int_key_projects') }} as key_projects on sources.source = key_projects.source
        and emitters.api_key_id = key_projects.api_key_id
    left join {{ ref('int_project_accounts') }} as accounts
        on sources.source = accounts.source and coalesce(emitters.sub_account_id, key_projects.sub_account_id) = accounts.sub_account_id
    left join {{ ref('stg_reference__model_names') }} as names
        on names.source is null and emitters.provider is not distinct from names.provider and emitters.model = names.name
    left join {{ ref('stg_telemetry__emitters') }} as readings
        on emitters.telemetry_source = readings.telemetry_source
        {% for column in emitted_by() if column != 'telemetry_source' %}and emitters.{{ column }} is not distinct
            from readings.{{ column }} {% endfor %}

)

select * from final
