-- grain: month × slice. Production events only, each in the month it was resolved in (else of its last call)
{% set slices = [('all', "'all'"), ('tenant', 'tenant_id'), ('feature', 'feature_id'), ('workflow', 'workflow'),
    ('prompt_version', 'prompt_version'), ('user', 'user_hash')] %}
{% set values = ['tenant_id', 'feature_id', 'workflow', 'prompt_version', 'user_hash'] %}
with overheads as (

    select
        event_id,
        {{ isum(nanos("case when waste_class = 'retry_overhead' then waste_cost else " ~ money("'0'") ~ " end")) }} as retry_nanos,
        {{ isum(nanos("case when waste_class = 'fallback_overhead' then waste_cost else " ~ money("'0'") ~ " end")) }} as fallback_nanos
    from {{ ref('fct_run_cost') }}
    where event_id is not null and waste_class in ('retry_overhead', 'fallback_overhead')
    group by event_id

),

-- an event of which no call was seen, in a feature whose other events of the month have calls, costs what nobody knows (R24)
all_events as (

    select
        events.*, {{ month_of('cast(coalesce(events.outcome_at, events.ended_at) as date)') }} as month,
        events.calls = 0 and max(events.calls) over (
            partition by events.feature_id, {{ month_of('cast(coalesce(events.outcome_at, events.ended_at) as date)') }}
        ) > 0 as unobserved
    from {{ ref('fct_cost_per_outcome') }} as events

),

production_events as (

    select
        events.event_id, events.month, {{ listed(values, 'events.') }}, events.outcome, events.attempts, events.unobserved,
        {{ nanos('events.reconciled_cost') }} as cost_nanos, {{ nanos('events.waste_cost') }} as waste_nanos,
        coalesce(overheads.retry_nanos, 0) as retry_nanos, coalesce(overheads.fallback_nanos, 0) as fallback_nanos
    from all_events as events
    left join overheads on events.event_id = overheads.event_id
    where events.production

),

events as (

    select * from production_events where not unobserved

),

unobserved as (
    {% for name, column in slices %}
    select
        month, '{{ name }}' as slice, coalesce({{ column }}, '(none)') as slice_value,
        count(*) as events, {{ isum("case when outcome = 'success' then 1 else 0 end") }} as successes
    from production_events
    where unobserved
    group by 1, 2, 3
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

summed as (
    {% for name, column in slices %}
    select
        month, '{{ name }}' as slice, coalesce({{ column }}, '(none)') as slice_value,
        count(*) as events,
        {{ isum("case when outcome = 'success' then 1 else 0 end") }} as successes,
        {{ isum("case when outcome = 'failure' then 1 else 0 end") }} as failures,
        {{ isum("case when outcome = 'partial' then 1 else 0 end") }} as partials,
        {{ isum("case when outcome = 'pending' then 1 else 0 end") }} as pending,
        {{ isum("case when outcome = 'abandoned' then 1 else 0 end") }} as abandoned,
        {{ isum('cost_nanos') }} as cost_nanos,
        {{ isum("case when outcome in ('success', 'failure', 'partial') then cost_nanos else 0 end") }} as resolved_nanos,
        {{ isum('waste_nanos') }} as waste_nanos,
        {{ isum('retry_nanos') }} as retry_nanos,
        {{ isum('fallback_nanos') }} as fallback_nanos,
        {{ isum('attempts') }} as attempts
    from events
    group by 1, 2, 3
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- only what is ranked is sorted
ranked as (
    {% for name, column in slices %}
    select
        month, '{{ name }}' as slice, coalesce({{ column }}, '(none)') as slice_value, cost_nanos,
        row_number() over (partition by month{{ ', ' ~ column if column in values }} order by cost_nanos) as cost_rank
    from events
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

percentiles as (

    select
        summed.month, summed.slice, summed.slice_value,{% for share in [50, 95, 99] %}
        max(case when ranked.cost_rank = {{ idiv('summed.events * ' ~ share ~ ' + 99', '100') }}
            then ranked.cost_nanos end) as p{{ share }}_nanos{{ ',' if not loop.last }}{% endfor %}
    from ranked
    join summed on ranked.month = summed.month and ranked.slice = summed.slice and ranked.slice_value = summed.slice_value
    group by summed.month, summed.slice, summed.slice_value

),

-- the other basis: what was billed in the month, whenever its event was resolved (R21)
months as (

    select months.charge_month as month, {{ listed(values, 'events.') }}, {{ nanos('months.reconciled_cost') }} as cost_nanos
    from {{ ref('fct_event_cost_month') }} as months
    join production_events as events on months.event_id = events.event_id

),

billed_in_month as (
    {% for name, column in slices %}
    select month, '{{ name }}' as slice, coalesce({{ column }}, '(none)') as slice_value, {{ isum('cost_nanos') }} as cost_nanos
    from months
    group by 1, 2, 3
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- stage-2 cost reaches the whole and tenants only
shared as (

    select month, 'tenant' as slice, tenant_id as slice_value, {{ isum(nanos('shared_cost')) }} as shared_nanos
    from {{ ref('fct_tenant_margin') }}
    group by month, tenant_id
    union all
    select month, 'all', 'all', {{ isum(nanos('shared_cost')) }} from {{ ref('fct_tenant_margin') }} group by month

),

slices as (

    select month, slice, slice_value from summed
    union distinct
    select month, slice, slice_value from billed_in_month
    union distinct
    select month, slice, slice_value from unobserved

),

joined as (

    select
        slices.month, slices.slice, slices.slice_value,
        coalesce(summed.events, 0) as events, coalesce(summed.successes, 0) as successes, coalesce(summed.failures, 0) as failures,
        coalesce(summed.partials, 0) as partials, coalesce(summed.pending, 0) as pending, coalesce(summed.abandoned, 0) as abandoned,
        coalesce(unobserved.events, 0) as unobserved_events, coalesce(unobserved.successes, 0) as unobserved_successes,
        coalesce(summed.attempts, 0) as attempts,
        coalesce(summed.cost_nanos, 0) as cost_nanos, coalesce(summed.resolved_nanos, 0) as resolved_nanos,
        coalesce(summed.waste_nanos, 0) as waste_nanos, coalesce(summed.retry_nanos, 0) as retry_nanos,
        coalesce(summed.fallback_nanos, 0) as fallback_nanos,
        percentiles.p50_nanos, percentiles.p95_nanos, percentiles.p99_nanos,
        coalesce(billed_in_month.cost_nanos, 0) as billed_nanos
    from slices
    {% for part in ['summed', 'billed_in_month', 'unobserved', 'percentiles'] -%}
    left join {{ part }} on slices.month = {{ part }}.month and slices.slice = {{ part }}.slice
        and slices.slice_value = {{ part }}.slice_value
    {% endfor %}
),

final as (

    select
        {{ key(['joined.month', 'joined.slice', 'joined.slice_value']) }} as unit_cost_id,
        joined.month, joined.slice, joined.slice_value,
        joined.events, joined.successes, joined.failures, joined.partials, joined.pending, joined.abandoned, joined.unobserved_events,
        joined.unobserved_successes, joined.attempts,
        {{ from_nanos('joined.cost_nanos') }} as event_cost,
        {{ from_nanos('joined.billed_nanos') }} as month_cost,
        {{ from_nanos('joined.cost_nanos - joined.billed_nanos') }} as basis_bridge,
        {{ per('joined.cost_nanos', 'joined.events') }} as cost_per_event,
        {{ per('joined.resolved_nanos', 'joined.successes') }} as cost_per_success,
        {{ per('2 * joined.resolved_nanos', '2 * joined.successes + joined.partials') }} as cost_per_weighted_success,
        {{ per('joined.cost_nanos', 'joined.successes') }} as all_in_cost_per_success,
        {{ per('joined.cost_nanos + shared.shared_nanos', 'joined.successes') }} as fully_loaded_cost_per_success,
        {{ from_nanos('joined.p50_nanos') }} as p50_cost, {{ from_nanos('joined.p95_nanos') }} as p95_cost,
        {{ from_nanos('joined.p99_nanos') }} as p99_cost,
        {{ from_nanos('joined.retry_nanos') }} as retry_overhead, {{ from_nanos('joined.fallback_nanos') }} as fallback_overhead,
        {{ from_nanos('joined.waste_nanos') }} as waste_cost,
        {{ share('joined.waste_nanos', 'joined.cost_nanos') }} as waste_share,
{{ coverage_beside('own', 'months') }},
        '{{ var("reporting_currency") }}' as currency
    from joined
    left join shared on joined.month = shared.month and joined.slice = shared.slice and joined.slice_value = shared.slice_value
    left join {{ ref('int_coverage') }} as months on months.scope = 'month' and joined.month = months.month
    left join {{ ref('int_coverage') }} as own
        on joined.month = own.month and joined.slice = own.scope and joined.slice_value = coalesce(own.tenant_id, own.feature_id)

)

select * from final
