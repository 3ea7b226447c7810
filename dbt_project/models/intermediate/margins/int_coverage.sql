-- grain: scope × month: how much of the production cost, without accruals, a row rests on (R28): of the month, of a tenant, of a feature,
-- of both together. What is attributed is `event`, what is reconciled `untagged`, too; where telemetry exceeds the bill beyond the policy
-- ratio (R13) neither. Shares are exact ratios cut at nine decimals
{% set scopes = {'month': [], 'tenant': ['tenant_id'], 'feature': ['feature_id'], 'tenant_feature': ['tenant_id', 'feature_id']} %}
with amounts as (

    select
        allocated.charge_month as month, coalesce(allocated.tenant_id, '(unassigned)') as tenant_id,
        coalesce(allocated.feature_id, '(none)') as feature_id,
        allocated.target_kind, allocated.destination, allocated.exceeds_ratio,
        {{ nanos('allocated.reconciled_cost') }} as nanos, {{ nanos('allocated.accrued_cost') }} as accrued_nanos
    from {{ ref('int_allocated') }} as allocated
    join {{ ref('destinations') }} as destinations on allocated.destination = destinations.destination and destinations.in_coverage

),

sums as (
    {% for scope, columns in scopes.items() %}
    select
        '{{ scope }}' as scope, month, {{ 'tenant_id' if 'tenant_id' in columns else 'cast(null as string)' }} as tenant_id,
        {{ 'feature_id' if 'feature_id' in columns else 'cast(null as string)' }} as feature_id,
        {{ isum('nanos') }} as covered_nanos,
        {{ isum("case when target_kind = 'call' then nanos else 0 end") }} as on_calls_nanos,
        {{ isum("case when destination = 'event' and not exceeds_ratio then nanos else 0 end") }} as attributed_nanos,
        {{ isum("case when destination in ('event', 'untagged') and not exceeds_ratio then nanos else 0 end") }} as reconciled_nanos,
        {{ isum("case when target_kind = 'call' then accrued_nanos else 0 end") }} as accrued_nanos
    from amounts
    {{ "where target_kind = 'call'" if columns }}
    group by {{ listed(['month'] + columns) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        scope, month, tenant_id, feature_id,
        {{ share('attributed_nanos', 'covered_nanos') }} as share_attributed,
        {{ share('reconciled_nanos', 'covered_nanos') }} as share_reconciled,
        {{ share('accrued_nanos', 'accrued_nanos + on_calls_nanos') }} as share_estimated
    from sums

)

select * from final
