-- grain: month × feature × signal × band: whether runs on a stressed machine fail more. Of runs whose calls tell the signal: the longest
-- queue and the most jitter of any call, whether any was throttled. Telemetry that tells none leaves no row
{% set bands = {'queue': ('queue_ms', [100, 1000, 10000], ' ms'), 'jitter': ('jitter_ms', [1, 10, 100], ' ms')} %}
with signals as (

    select run_id, max(queue_ms) as queue_ms, max(jitter_ms) as jitter_ms, max(throttled) as throttled
    from {{ ref('int_call_contexts') }}
    where run_id is not null and (queue_ms is not null or jitter_ms is not null or throttled is not null)
    group by run_id

),

runs as (

    select
        runs.run_id, {{ month_of('coalesce(cast(runs.ended_at as date), runs.event_day)') }} as month,
        coalesce(runs.feature_id, '(none)') as feature_id, runs.status, runs.reconciled_cost,
        signals.queue_ms, signals.jitter_ms, signals.throttled
    from {{ ref('fct_run_cost') }} as runs
    join signals on runs.run_id = signals.run_id
    where runs.production

),

told as (
    {% for signal, (column, limits, unit) in bands.items() %}
    select
        '{{ signal }}' as signal,
        case {% for limit in limits %}when {{ column }} < {{ limit }} then 'under {{ limit }}{{ unit }}' {% endfor %}
            else '{{ limits | last }}{{ unit }} or more' end as band,
        month, feature_id, status, reconciled_cost
    from runs
    where {{ column }} is not null

    union all
    {% endfor %}
    select 'throttled', case when throttled = 1 then 'yes' else 'no' end, month, feature_id, status, reconciled_cost
    from runs
    where throttled is not null

),

summed as (

    select
        month, feature_id, signal, band, count(*) as runs,
        {{ isum('case when ' ~ unsuccessful('status') ~ ' then 1 else 0 end') }} as failed_runs,
        {{ money('sum(reconciled_cost)') }} as reconciled_cost
    from told
    group by month, feature_id, signal, band

)

select
    {{ key(['month', 'feature_id', 'signal', 'band']) }} as run_signal_id,
    month, feature_id, signal, band, runs, failed_runs, {{ share('failed_runs', 'runs') }} as failure_share,
    reconciled_cost, '{{ var("reporting_currency") }}' as currency
from summed
