{{ config(materialized='view') }}
-- grain: call, with its billing source, its owners filled upwards, the model's name after aliases, and its usage as told.
-- `profile` stands for all a call's usages have in common; price dimensions the provider defaults are filled in (R8)
with placed as (

    select
        {{ dbt.hash('once.call_identity') }} as call_id,
        once.delivery_fingerprint,
        coalesce(sources.source, '(none)') as source,
        coalesce(once.billing_account_id, accounts.billing_account_id) as billing_account_id,
        coalesce(once.sub_account_id, key_projects.sub_account_id) as sub_account_id,
        once.api_key_id,
        coalesce(names.model, once.model) as model,
{% for dimension in call_price_dimensions() %}
        coalesce(once.{{ dimension }}, {{ dimension_default(dimension) }}) as {{ dimension }},{% endfor %}
        once.provider, once.operation,
        once.event_id, once.run_id, once.tenant_id, once.customer_id, once.user_hash, once.feature_id,
        once.workflow, once.prompt_version, once.environment, once.data_mode, once.service,
        coalesce(environments.production, true) as production,
        environments.environment is null as environment_unknown,
        once.started_at, once.ended_at,
        cast(once.ended_at as date) as charge_day,
        once.status, once.error_type, once.usage_source, once.token_semantics,
        once.usage_source = 'estimated' as estimated,
        once.reported_cost, once.reported_currency,
        case when once.sampling_probability_millionths > 0 then once.sampling_probability_millionths end as sampling_probability_millionths,
        case
            when {{ micros_of_day('once.ended_at') }} < {{ var('midnight_window_minutes') }} * 60000000 then 'after'
            when 86400000000 - {{ micros_of_day('once.ended_at') }} <= {{ var('midnight_window_minutes') }} * 60000000 then 'before'
        end as midnight,
        once.landing_id, once.landing_line, once.trace_id, once.span_id, once.response_id, once.dialect, once.usage
    from {{ ref('int_calls__once') }} as once
    left join {{ ref('int_call_sources') }} as sources
        on coalesce(once.provider, '') = coalesce(sources.provider, '')
        and once.endpoint is not distinct from sources.endpoint
        and once.billing_account_id is not distinct from sources.billing_account_id
    left join {{ ref('int_key_projects') }} as key_projects on sources.source = key_projects.source and once.api_key_id = key_projects.api_key_id
    left join {{ ref('int_project_accounts') }} as accounts
        on sources.source = accounts.source and coalesce(once.sub_account_id, key_projects.sub_account_id) = accounts.sub_account_id
    left join {{ ref('int_model_names') }} as names on once.provider is not distinct from names.provider and once.model = names.alias
    left join {{ ref('stg_reference__environments') }} as environments on once.environment = environments.environment

),

final as (

    select
        *,
        {{ digits_of('call_id', 'high') }} as call_high,
        {{ digits_of('call_id', 'low') }} as call_low,
        {{ fingerprint(call_dimensions()) }} as profile
    from placed

)

select * from final
