-- grain: kind × feature, tenant or whatever else a rule names, null for any. From when on it alarms and who acts: a rule that names the
-- scope, else one for any, else the default of the kind, column by column
with scopes as (

    select kind, cast(null as string) as scope_value from {{ ref('alert_kinds') }}
    union distinct
    select kind, scope_value from {{ ref('stg_reference__alert_rules') }}

),

final as (

    select
        scopes.kind, scopes.scope_value, kinds.severity, kinds.unit,
        {{ nanos('coalesce(own.threshold, any_rule.threshold, ' ~ money('kinds.threshold') ~ ')') }} as threshold_nanos,
        {{ nanos('coalesce(own.minimum_cost, any_rule.minimum_cost, ' ~ money('kinds.minimum_cost') ~ ')') }} as minimum_nanos,
        coalesce(own.minimum_calls, any_rule.minimum_calls, kinds.minimum_calls) as minimum_calls,
        coalesce(own.owner, any_rule.owner) as ruled_owner, kinds.owner
    from scopes
    join {{ ref('alert_kinds') }} as kinds on scopes.kind = kinds.kind
    left join {{ ref('stg_reference__alert_rules') }} as any_rule on scopes.kind = any_rule.kind and any_rule.scope_value is null
    left join {{ ref('stg_reference__alert_rules') }} as own on scopes.kind = own.kind and scopes.scope_value = own.scope_value

)

select * from final
