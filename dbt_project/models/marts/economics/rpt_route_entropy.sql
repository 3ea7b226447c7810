-- grain: month × feature × how undecided the routing was: whether events whose calls went to many models fail more, and what they cost.
-- Bands are of routing_entropy, in bits
with events as (

    select
        {{ month_of(resolved_day()) }} as month,
        coalesce(feature_id, '(none)') as feature_id, outcome, attempts, reconciled_cost,
        case when routing_entropy = 0 then 'one model' when routing_entropy <= {{ money("'0.5'") }} then 'up to 0.5'
            when routing_entropy <= 1 then 'up to 1' else 'above 1' end as entropy_band
    from {{ ref('fct_cost_per_outcome') }}
    where production and routing_entropy is not null

),

summed as (

    select
        month, feature_id, entropy_band, count(*) as events, {{ isum('attempts') }} as attempts,
        {{ isum("case when outcome in ('success', 'failure', 'partial') then 1 else 0 end") }} as resolved,
        {{ isum("case when outcome = 'failure' then 1 else 0 end") }} as failures, {{ nanos('sum(reconciled_cost)') }} as cost_nanos
    from events
    group by month, feature_id, entropy_band

)

select
    {{ key(['month', 'feature_id', 'entropy_band']) }} as route_entropy_id,
    month, feature_id, entropy_band, events, attempts, resolved, failures,
    {{ share('failures', 'resolved') }} as failure_share, {{ from_nanos('cost_nanos') }} as event_cost,
    {{ per('cost_nanos', 'events') }} as cost_per_event, '{{ var("reporting_currency") }}' as currency
from summed
