-- grain: kind × key: names in revenue, prices or rules that nothing declares: no reference file, no bill and no telemetry (R33), so that
-- what they say reaches nothing
{% set rules = ['billing_grain', 'published_units', 'key_map', 'project_map', 'skus', 'contract_prices', 'list_prices', 'charge_rules'] %}
with known as (

    select 'tenant_id' as name, tenant_id as told from {{ ref('stg_reference__tenants') }}
    union distinct
    select 'feature_id', feature_id from {{ ref('stg_reference__features') }}
    {% for name in ['tenant_id', 'feature_id'] %}
    union distinct
    select '{{ name }}', {{ name }} from {{ ref('int_call_contexts') }} where run_id is not null or event_id is not null
    union distinct
    select '{{ name }}', {{ name }} from {{ ref('stg_telemetry__runs') }}
    {% endfor %}
    union distinct
    select 'source', source from {{ ref('stg_reference__billing_sources') }}
    union distinct
    select 'source', source from {{ ref('int_charges') }}
    union distinct
    select 'environment', environment from {{ ref('stg_reference__environments') }}
    union distinct
    select 'bundle_id', bundle_id from {{ ref('stg_reference__bundle_prices') }}
    union distinct
    select 'bills_revenue_id', revenue_id from {{ ref('stg_revenue__lines') }}

),

told as (

    {% for name in ['tenant_id', 'feature_id', 'bundle_id', 'bills_revenue_id'] -%}
    select 'revenue' as told_in, '{{ name }}' as name, {{ name }} as told from {{ ref('stg_revenue__lines') }}
    union all
    {% endfor -%}
    select 'bundle_prices', 'feature_id', feature_id from {{ ref('stg_reference__bundle_prices') }}
    {%- for rule in rules %}
    union all
    select '{{ rule }}', 'source', source from {{ ref('stg_reference__' ~ rule) }}
    {%- endfor %}
    {%- for rule in ['key_map', 'project_map'] %}
    union all
    select '{{ rule }}', 'environment', lower(environment) from {{ ref('stg_reference__' ~ rule) }}
    {%- endfor %}

),

final as (

    select
        'undeclared' as kind, '(none)' as source, cast(null as date) as charge_day,
        concat('source=(none) told_in=', told.told_in, ' ', told.name, '=', told.told) as break_key,
        {{ money('count(*)') }} as quantity, {{ money('null') }} as amount,
        'rows that name what no reference file, bill or telemetry knows' as note, cast(null as string) as reconciliation_id
    from told
    left join known on told.name = known.name and told.told = known.told
    where told.told is not null and known.told is null
    group by told.told_in, told.name, told.told

)

select * from final
