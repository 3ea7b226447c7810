-- grain: month × slice, each event in the month it was resolved in (else of its last call). Production only, but where a slice tells where
-- calls were made. A user is a slice of a month only: of a week or a day there would be a row for nearly every event
{% set slices = unit_slices() %}
{% do slices.update({'user': 'user_hash'}) %}
{% set ranks = {'p50': idiv('events * 50 + 99', '100'), 'p95': idiv('events * 95 + 99', '100'), 'p99': idiv('events * 99 + 99', '100'),
    'last_but_dearest': 'events - ' ~ idiv('events + 99', '100')} %}
with sums as (

    -- rows are sorted by a whole number in place of three names
    select *, row_number() over (order by period, slice, slice_value) as number from (
        {{ unit_sums(month_of('day'), slices) }}
    ) as told

),

users as (

    select
        {{ month_of('day') }} as period, slice, {{ slice_value(unit_slices()) }} as slice_value,
        count(distinct user_hash) as active_users, {{ nanos('sum(event_cost)') }} as cost_nanos
    from {{ ref('fct_outcome_day') }}
    cross join {{ slices_of(unit_slices()) }} as slices
    where user_hash is not null and {{ told_in_slice() }}
    group by 1, 2, 3

),

events as (

    select
        events.*, tenants.segment, {{ nanos('events.reconciled_cost') }} as cost_nanos,
        {{ month_of(resolved_day('events')) }} as period
    from {{ ref('fct_cost_per_outcome') }} as events
    left join {{ ref('stg_reference__tenants') }} as tenants on events.tenant_id = tenants.tenant_id

),

-- what an event costs of which no call was seen nobody knows: it is in no rank (R24). Costs alike in their first three digits are a band
seen as (

    select *,
        case when cost_nanos > 0 then 1000 * length({{ text('cost_nanos') }}) + cast(substr({{ text('cost_nanos') }}, 1, 3) as int64)
            else 0 end as band
    from (
        select *, {{ is_unobserved('period') }} as unobserved from events
    ) as told
    where not unobserved

),

sliced as (

    select sums.number, sums.events, told.band, told.cost_nanos
    from (
        select period, slice, {{ slice_value(slices) }} as slice_value, band, cost_nanos
        from seen
        cross join {{ slices_of(slices) }} as slices
        where {{ told_in_slice() }}
    ) as told
    join sums on told.period = sums.period and told.slice = sums.slice and told.slice_value = sums.slice_value

),

-- up to which rank the events of a band reach in their slice
bands as (

    select *, {{ running('band_events', 'number', 'band') }} as last_rank
    from (
        select number, events, band, count(*) as band_events, {{ isum('cost_nanos') }} as band_nanos
        from sliced
        group by number, events, band
    ) as counted

),

-- sorted are only the events of the few bands in which a percentile lies or the dearest hundredth begins
ranked as (

    select
        sliced.number, sliced.events, sliced.cost_nanos, bands.last_rank - bands.band_events as before,
        bands.last_rank - bands.band_events + row_number() over (partition by sliced.number, sliced.band order by sliced.cost_nanos)
            as cost_rank
    from sliced
    join bands on sliced.number = bands.number and sliced.band = bands.band
    where {% for rank in ranks.values() -%}
        {{ rank | replace('events', 'bands.events') }} between bands.last_rank - bands.band_events + 1 and bands.last_rank
        {{- ' or ' if not loop.last }}{% endfor %}

),

dearest as (

    select number, {{ isum('nanos') }} as dearest_nanos
    from (
        select number, band_nanos as nanos from bands where last_rank - band_events >= {{ ranks.last_but_dearest }}
        union all
        select number, cost_nanos from ranked where before < {{ ranks.last_but_dearest }} and cost_rank > {{ ranks.last_but_dearest }}
    ) as parts
    group by number

),

percentiles as (

    select
        number,{% for share in ['p50', 'p95', 'p99'] %}
        max(case when cost_rank = {{ ranks[share] }} then cost_nanos end) as {{ share }}_nanos{{ ',' if not loop.last }}{% endfor %}
    from ranked
    group by number

),

-- the other basis: what was billed in the month, whenever its event was resolved (R21)
months as (

    select months.charge_month as period, events.production, months.reconciled_cost,
        {% for column in slices.values() if column %}events.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ ref('fct_event_cost_month') }} as months
    join events on months.event_id = events.event_id

),

billed_in_month as (

    select period, slice, {{ slice_value(slices) }} as slice_value, {{ nanos('sum(reconciled_cost)') }} as cost_nanos
    from months
    cross join {{ slices_of(slices) }} as slices
    where {{ told_in_slice() }}
    group by 1, 2, 3

),

-- stage-2 cost reaches the whole and tenants only
shared as (

    select month as period, 'tenant' as slice, tenant_id as slice_value, {{ isum(nanos('shared_cost')) }} as shared_nanos
    from {{ ref('fct_tenant_margin') }}
    group by month, tenant_id
    union all
    select month, 'all', 'all', {{ isum(nanos('shared_cost')) }} from {{ ref('fct_tenant_margin') }} group by month

),

rows as (

    select period, slice, slice_value from sums
    union distinct
    select period, slice, slice_value from billed_in_month

),

joined as (

    select
        rows.period, rows.slice, rows.slice_value,
        {% for count in unit_counts() %}coalesce(sums.{{ count }}, 0) as {{ count }}, {% endfor %}
        {% for amount in unit_amounts() %}coalesce(sums.{{ amount }}_nanos, 0) as {{ amount }}_nanos, {% endfor %}
        percentiles.p50_nanos, percentiles.p95_nanos, percentiles.p99_nanos, dearest.dearest_nanos,
        users.active_users, users.cost_nanos as users_nanos, coalesce(billed_in_month.cost_nanos, 0) as billed_nanos, shared.shared_nanos
    from rows
    {% for part in ['sums', 'users', 'billed_in_month', 'shared'] -%}
    left join {{ part }} on rows.period = {{ part }}.period and rows.slice = {{ part }}.slice and rows.slice_value = {{ part }}.slice_value
    {% endfor -%}
    left join percentiles on sums.number = percentiles.number
    left join dearest on sums.number = dearest.number

),

final as (

    select
        {{ key(['joined.period', 'joined.slice', 'joined.slice_value']) }} as unit_cost_id,
        joined.period as month, joined.slice, joined.slice_value,
{{ unit_figures('joined') }},
        {{ from_nanos('joined.billed_nanos') }} as month_cost,
        {{ from_nanos('joined.event_cost_nanos - joined.billed_nanos') }} as basis_bridge,
        {{ per('joined.event_cost_nanos + joined.shared_nanos', 'joined.successes') }} as fully_loaded_cost_per_success,
        {{ from_nanos('joined.p50_nanos') }} as p50_cost, {{ from_nanos('joined.p95_nanos') }} as p95_cost,
        {{ from_nanos('joined.p99_nanos') }} as p99_cost,
        {{ share('joined.dearest_nanos', 'joined.event_cost_nanos') }} as top_1_percent_share,
        joined.active_users, {{ per('joined.users_nanos', 'joined.active_users') }} as cost_per_active_user,
{{ coverage_beside('own', 'months') }},
        '{{ var("reporting_currency") }}' as currency
    from joined
    left join {{ ref('int_coverage') }} as months on months.scope = 'month' and joined.period = months.month
    left join {{ ref('int_coverage') }} as own
        on own.scope = joined.slice and own.month = joined.period and joined.slice_value = coalesce(own.tenant_id, own.feature_id)

)

select * from final
