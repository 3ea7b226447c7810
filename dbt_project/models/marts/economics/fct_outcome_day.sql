-- grain: day on which events were resolved (else of their last call) × whom they were for × how they ran: the sums unit costs are made of.
-- An event of which no call was seen is in its own columns only: in neither side of a unit cost (R24). It cost nothing, but its runs may
-- have wasted what calls cost that name another event: that is told here, too
{% set names = ['tenant_id', 'segment', 'feature_id', 'workflow', 'prompt_version', 'model_route', 'environment', 'data_mode', 'user_hash',
    'production'] %}
{% set zero = money("'0'") %}
with overheads as (

    select
        event_id,
        sum(case when waste_class = 'retry_overhead' then waste_cost else {{ zero }} end) as retry_cost,
        sum(case when waste_class = 'fallback_overhead' then waste_cost else {{ zero }} end) as fallback_cost
    from {{ ref('fct_run_cost') }}
    where event_id is not null and waste_class in ('retry_overhead', 'fallback_overhead')
    group by event_id

),

dated as (

    select *, {{ resolved_day() }} as day from {{ ref('fct_cost_per_outcome') }}

),

-- an event of which no call was seen, in a feature whose other events of the month have calls, costs what nobody knows (R24)
events as (

    select
        dated.*, tenants.segment,
        {{ is_unobserved(month_of('day')) }} as unobserved,
        coalesce(overheads.retry_cost, {{ zero }}) as retry_cost, coalesce(overheads.fallback_cost, {{ zero }}) as fallback_cost
    from dated
    left join overheads on dated.event_id = overheads.event_id
    left join {{ ref('stg_reference__tenants') }} as tenants on dated.tenant_id = tenants.tenant_id

),

final as (

    select
        {{ key(['day'] + names) }} as outcome_day_id,
        day, {{ listed(names) }},
        {{ isum('case when unobserved then 0 else 1 end') }} as events,
        {% for outcome, name in [('success', 'successes'), ('failure', 'failures'), ('partial', 'partials'), ('pending', 'pending'),
            ('abandoned', 'abandoned')] %}
        {{- isum("case when outcome = '" ~ outcome ~ "' and not unobserved then 1 else 0 end") }} as {{ name }},
        {% endfor %}
        {{- isum('case when unobserved then 1 else 0 end') }} as unobserved_events,
        {{ isum("case when outcome = 'success' and unobserved then 1 else 0 end") }} as unobserved_successes,
        {{ isum('case when unobserved then 0 else attempts end') }} as attempts,
        {% for column, name, of in [('reconciled_cost', 'event_cost', none),
            ('reconciled_cost', 'resolved_cost', "outcome in ('success', 'failure', 'partial')"),
            ('reconciled_cost', 'cost_of_successes', "outcome = 'success'"), ('accrued_cost', 'accrued_cost', none),
            ('waste_cost', 'waste_cost', none), ('retry_cost', 'retry_overhead', none), ('fallback_cost', 'fallback_overhead', none)] %}
        {{- money('sum(case when ' ~ of ~ ' then ' ~ column ~ ' else ' ~ zero ~ ' end)' if of else 'sum(' ~ column ~ ')') }} as {{ name }},
        {% endfor %}
        {{- "'" ~ var("reporting_currency") ~ "'" }} as currency
    from events
    group by day, {{ listed(names) }}

)

select * from final
