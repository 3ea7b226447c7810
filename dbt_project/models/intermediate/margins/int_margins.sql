-- grain: tenant × feature × charge month: revenue, cost of its calls, and its part of what calls do not carry (R26)
with allocated as (

    select * from {{ ref('int_allocated') }} where destination <> 'out_of_scope'

),

-- direct cost: production calls, whether their event is known or not (R26)
direct as (

    select
        coalesce(tenant_id, '(unassigned)') as tenant_id, coalesce(feature_id, '(none)') as feature_id, charge_month as month,
        sum(reconciled_cost) as direct_cost, sum(accrued_cost) as accrued_cost
    from allocated
    where target_kind = 'call' and production
    group by 1, 2, 3

),

-- everything else is a pool, by destination
pools as (

    select destination, month, {{ isum(nanos('reconciled_cost')) }} as pool_nanos, {{ isum(nanos('accrued_cost')) }} as accrued_nanos
    from (
        select destination, charge_month as month, reconciled_cost,
            accrued_cost from allocated where not (target_kind = 'call' and production)
        union all
        -- the distance of rounded lines to the exact sum of the bill
        select 'rounding', billing_period_start, rounding_cost, {{ money("'0'") }}
        from {{ ref('int_statements') }}
        where rounding_cost <> 0
    ) as amounts
    group by destination, month

),

revenue as (

    select tenant_id, feature_id, month, {{ isum('revenue_nanos') }} as revenue_nanos from {{ ref('int_revenue_months') }}
        group by tenant_id, feature_id, month

),

drivers as (

    select 'direct_cost' as driver, tenant_id, month, {{ isum(nanos('direct_cost')) }} as driver_nanos
    from direct
    where tenant_id <> '(unassigned)'
    group by tenant_id, month

    union all

    select 'revenue', tenant_id, month, {{ isum('revenue_nanos') }} from revenue group by tenant_id, month

),

-- of rules in force at the same time the latest begun counts: a pool is moved by one driver
ruled as (

    select
        pools.destination, pools.month, pools.pool_nanos, rules.driver,
        row_number() over (partition by pools.destination, pools.month order by rules.valid_from desc nulls last) as rule_rank
    from pools
    join {{ ref('stg_reference__shared_cost_rules') }} as rules
        on pools.destination = rules.destination
        and (rules.valid_from is null or rules.valid_from <= pools.month) and (rules.valid_to is null or pools.month < rules.valid_to)

),

weighted as (

    select
        ruled.destination, ruled.month, drivers.tenant_id,
        ruled.pool_nanos as amount, {{ micro_weight('drivers.driver_nanos') }} as weight
    from ruled
    join drivers on ruled.driver = drivers.driver and ruled.month = drivers.month
    where ruled.rule_rank = 1

),

shared as (

    select destination, month, tenant_id, share as shared_nanos
        from {{ carved_by_weight('weighted', 'destination, month', 'tenant_id') }} as shares

),

moved as (

    select destination, month from shared group by destination, month

),

parts as (

    select tenant_id, feature_id, month, {{ money("'0'") }} as revenue, direct_cost, accrued_cost, {{ money("'0'") }} as shared_cost,
        false as has_revenue from direct

    union all

    select tenant_id, feature_id, month, {{ from_nanos('revenue_nanos') }}, {{ money("'0'") }}, {{ money("'0'") }}, {{ money("'0'") }},
        true from revenue

    union all

    select tenant_id, '(shared)', month, {{ money("'0'") }}, {{ money("'0'") }}, {{ money("'0'") }}, {{ from_nanos('shared_nanos') }},
        false from shared

    union all

    -- what no driver moves stays visible, by destination
    select
        '(unassigned)', concat('(', pools.destination, ')'), pools.month, {{ money("'0'") }}, {{ money("'0'") }},
        {{ from_nanos('pools.accrued_nanos') }},
        case when moved.destination is null then {{ from_nanos('pools.pool_nanos') }} else {{ money("'0'") }} end, false
    from pools
    left join moved on pools.destination = moved.destination and pools.month = moved.month

),

summed as (

    select
        tenant_id, feature_id, month,
        {{ money('sum(revenue)') }} as revenue, {{ money('sum(direct_cost)') }} as direct_cost,
        {{ money('sum(accrued_cost)') }} as accrued_cost, {{ money('sum(shared_cost)') }} as shared_cost,
        {{ isum('case when has_revenue then 1 else 0 end') }} > 0 as has_revenue
    from parts
    group by tenant_id, feature_id, month

)

select * from summed where revenue <> 0 or direct_cost <> 0 or accrued_cost <> 0 or shared_cost <> 0
