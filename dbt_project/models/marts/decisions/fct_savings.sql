-- grain: month × feature × lever: what pulling it would have saved of the month's own cost. Levers overlap: their savings are alternatives
-- and sum to nothing. A lever without evidence has no row
with usage as (

    select
        {{ month_of('charge_day') }} as month, coalesce(feature_id, '(none)') as feature_id,
        coalesce(prompt_version, '(none)') as prompt_version, charge_day, source, model, meter, service_tier, batch, context_band,
        size_class, calls, cast(quantity as int64) as quantity, cast(least_quantity as int64) as least_quantity,
        {{ nanos('reconciled_cost') }} as cost_nanos
    from {{ ref('fct_usage_cost') }}
    where production and reconciled_cost > 0 and calls > 0

),

priced as (

    select usage.*, prices.alternative, prices.millionths, features.risk, coalesce(features.batchable, false) as batchable
    from usage
    join {{ ref('int_alternative_prices') }} as prices
        on usage.charge_day = prices.charge_day and usage.source = prices.source and usage.model = prices.model
        and usage.meter = prices.meter and usage.service_tier = prices.service_tier and usage.batch = prices.batch
        and usage.context_band = prices.context_band
    left join {{ ref('stg_reference__features') }} as features on usage.feature_id = features.feature_id
    where prices.millionths < 1000000

),

-- answers that may wait, asked for in real time; the dearest models where a wrong answer is cheap; tokens beyond the context threshold
dearer as (

    select alternative as lever, month, feature_id, calls, cost_nanos,
        {{ nano_fraction('cost_nanos', '(1000000 - millionths)', '1000000') }} as saving_nanos
    from priced
    where alternative = 'batch' and batchable or alternative = 'cheaper_route' and risk = 'low' or alternative = 'context'

),

-- a prompt version's calls of a day share at most the shortest input: what of it was sent again could have been read from a cache, where
-- providers cache it at all
prefixes as (

    select month, feature_id, {{ isum('calls') }} as calls, {{ isum('quantity') }} as quantity, min(least_quantity) as prefix,
        {{ isum('cost_nanos') }} as cost_nanos, max(millionths) as millionths
    from priced
    where alternative = 'cache'
    group by month, feature_id, prompt_version, charge_day, source, model, service_tier, batch, context_band

),

cached as (

    select 'cache' as lever, month, feature_id, calls, cost_nanos,
        {{ nano_fraction(nano_fraction('cost_nanos', '(prefix * (calls - 1))', 'quantity'), '(1000000 - millionths)', '1000000') }}
            as saving_nanos
    from prefixes
    where prefix >= 1024 and calls > 1

),

outputs as (

    select month, feature_id, source, model, size_class, {{ isum('calls') }} as calls, {{ isum('quantity') }} as quantity,
        {{ isum('cost_nanos') }} as cost_nanos
    from usage
    where meter = 'output_tokens'
    group by month, feature_id, source, model, size_class

),

ranked as (

    select *, {{ running('calls', 'month, feature_id, source, model', 'size_class') }} as up_to,
        cast(sum(calls) over (partition by month, feature_id, source, model) as int64) as whole
    from outputs

),

-- four times as much as the sizes have in which the median output lies
caps as (

    select month, feature_id, source, model, min(case when 2 * up_to >= whole then size_class end) as median_class
    from ranked
    group by month, feature_id, source, model

),

oversized as (

    select 'output_cap' as lever, outputs.month, outputs.feature_id, outputs.calls, outputs.cost_nanos,
        {{ nano_fraction('outputs.cost_nanos', "(outputs.quantity - outputs.calls * case when caps.median_class = 0 then 1024 else "
            ~ "16 * caps.median_class end)", 'outputs.quantity') }} as saving_nanos
    from outputs
    join caps on outputs.month = caps.month and outputs.feature_id = caps.feature_id and outputs.source = caps.source
        and outputs.model = caps.model
    where outputs.size_class >= case when caps.median_class = 0 then 1024 else 16 * caps.median_class end

),

-- attempts that failed on the way to a success, and what retries and fallbacks cost beyond the attempt that counted
retried as (

    select
        'retry' as lever,
        {{ month_of(resolved_day('events')) }} as month,
        coalesce(events.feature_id, '(none)') as feature_id, 1 as calls, {{ nanos('runs.reconciled_cost') }} as cost_nanos,
        {{ nanos('runs.waste_cost') }} as saving_nanos
    from {{ ref('fct_run_cost') }} as runs
    join {{ ref('fct_cost_per_outcome') }} as events on runs.event_id = events.event_id
    where events.production and runs.waste_class in ('failed_attempt', 'retry_overhead', 'fallback_overhead') and runs.waste_cost > 0

),

versions as (

    select {{ month_of('day') }} as month, coalesce(feature_id, '(none)') as feature_id, prompt_version, {{ isum('events') }} as events,
        {{ isum('successes') }} as successes, {{ nanos('sum(resolved_cost)') }} as resolved_nanos
    from {{ ref('fct_outcome_day') }}
    where production and prompt_version is not null
    group by 1, 2, 3

),

rolled_back as (

    select 'prompt_rollback' as lever, versions.month, versions.feature_id, versions.events as calls, versions.resolved_nanos as cost_nanos,
        versions.resolved_nanos - {{ nanos('impacts.cost_per_success_before') }} * versions.successes as saving_nanos
    from versions
    join {{ ref('fct_prompt_version_impact') }} as impacts
        on versions.feature_id = impacts.feature_id and versions.prompt_version = impacts.prompt_version
    where impacts.finding = 'dearer' and impacts.cost_per_success_before is not null

),

margins as (

    select 'quota' as lever, month, feature_id, tenants as calls, {{ nanos('direct_cost') }} as cost_nanos,
        {{ nanos('losses_of_tenants') }} as saving_nanos
    from {{ ref('fct_feature_margin') }}
    where losses_of_tenants > 0 and feature_id not like '(%'

    union all

    select 'price', month, feature_id, tenants, {{ nanos('direct_cost') }}, {{ nanos('-contribution_margin') }}
    from {{ ref('fct_feature_margin') }}
    where contribution_margin < 0 and feature_id not like '(%'

),

levers as (
    {% for lever in ['dearer', 'cached', 'oversized', 'retried', 'rolled_back', 'margins'] %}
    select lever, month, feature_id, calls, cost_nanos, saving_nanos from {{ lever }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

summed as (

    select month, feature_id, lever, {{ isum('saving_nanos') }} as saving_nanos, {{ isum('cost_nanos') }} as cost_nanos,
        {{ isum('calls') }} as calls
    from levers
    group by month, feature_id, lever

)

select
    {{ key(['month', 'feature_id', 'lever']) }} as saving_id,
    month, feature_id, lever, {{ from_nanos('saving_nanos') }} as saving, {{ from_nanos('cost_nanos') }} as basis_cost, calls,
    case lever
        when 'batch' then 'real-time usage of a feature whose answers may wait, at the batch price'
        when 'cheaper_route' then 'usage of models with a cheaper one named, in a feature of low risk, at its price'
        when 'context' then 'usage in the long context band, at the price of the standard band'
        when 'cache' then 'at most: the shortest input of a prompt version and day, sent again, at the price of a cache read'
        when 'output_cap' then 'output beyond four times the size class of the median answer'
        when 'retry' then 'at most: attempts that failed, and what retries and fallbacks cost beyond the attempt that counted'
        when 'prompt_rollback' then 'what as many successes cost less with the prompt version before'
        when 'quota' then 'what tenants cost beyond what they pay for the feature'
        when 'price' then 'what the feature costs beyond its revenue'
    end as explanation,
    '{{ var("reporting_currency") }}' as currency
from summed
where saving_nanos > 0
