-- grain: month of an event's last activity × feature × days after it: what the month says when only outcomes count that were told by then.
-- The figure moves as outcomes arrive; `settled` says whether all of the month's events have had that long
{% set waits = [0, 1, 2, 3, 7, 14, 30] %}
with events as (

    select
        {{ month_of('coalesce(cast(ended_at as date), event_day)') }} as month, coalesce(feature_id, '(none)') as feature_id, outcome,
        reconciled_cost,
        case when outcome in ('success', 'failure', 'partial') then
            case {% for wait in waits %}when outcome_at is null or outcome_at <= coalesce(ended_at, outcome_at) + interval {{ wait }} day
                then {{ wait }} {% endfor %}else 1000000 end end as known_after
    from {{ ref('fct_cost_per_outcome') }}
    where production and calls > 0

),

summed as (

    select
        month, feature_id, known_after, count(*) as events,
        {{ isum("case when outcome = 'success' then 1 else 0 end") }} as successes,
        {{ nanos('sum(reconciled_cost)') }} as cost_nanos
    from events
    group by month, feature_id, known_after

),

waited as (

    select month, feature_id, days_after
    from (select distinct month, feature_id from summed) as slices
    cross join (
        {% for wait in waits %}select cast({{ wait }} as int64) as days_after{{ ' union all ' if not loop.last }}{% endfor %}
    ) as waits

),

final as (

    select
        waited.month, waited.feature_id, waited.days_after,
        {{ isum('summed.events') }} as events,
        {{ isum('case when summed.known_after <= waited.days_after then summed.events else 0 end') }} as outcomes_known,
        {{ isum('case when summed.known_after <= waited.days_after then summed.successes else 0 end') }} as successes,
        {{ isum('case when summed.known_after <= waited.days_after then summed.cost_nanos else 0 end') }} as cost_nanos
    from waited
    join summed on waited.month = summed.month and waited.feature_id = summed.feature_id
    group by waited.month, waited.feature_id, waited.days_after

)

select
    {{ key(['month', 'feature_id', 'days_after']) }} as outcome_maturity_id,
    month, feature_id, days_after, events, outcomes_known, events - outcomes_known as pending, successes,
    {{ share('events - outcomes_known', 'events') }} as pending_share,
    {{ per('cost_nanos', 'successes') }} as cost_per_success,
    {{ add_days(month_after('month'), 'days_after') }} <= {{ as_of_day() }} as settled,
    '{{ var("reporting_currency") }}' as currency
from final
