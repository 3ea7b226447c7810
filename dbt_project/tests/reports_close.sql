-- what finance reads sums up, exactly; each row says of which report and month what does not
{% set zero = money("'0'") %}
with waterfall as (

    select * from {{ ref('rpt_invoice_waterfall') }}

),

bills as (

    select source, billing_period_start, billing_currency, sum(case when section = 'billed' then cost end) as billed,
        sum(case when section <> 'billed' then cost else {{ zero }} end) as carried
    from waterfall
    group by source, billing_period_start, billing_currency

),

-- whatever of a bill should have reached an event and did not
unplaced as (

    select waterfall.source, waterfall.billing_period_start as month, waterfall.destination, waterfall.cost,
        {{ zero }} as named
    from waterfall
    join {{ ref('destinations') }} as destinations on waterfall.destination = destinations.destination
    where waterfall.section = 'destination' and destinations.in_coverage and waterfall.destination <> 'event'
    {% for destination in unplaced_destinations() %}
    union all
    select source, month, '{{ destination }}', {{ zero }}, {{ destination }}_cost from {{ ref('fct_completeness') }}
    {%- endfor %}

),

named as (

    select source, month, destination, sum(cost) as cost, sum(named) as named from unplaced group by source, month, destination

),

sums as (

    select
        (select coalesce(sum(cost), {{ zero }}) from waterfall where destination = 'event') as event_cost,
        (select coalesce(sum(reconciled_cost), {{ zero }}) from {{ ref('fct_event_cost_month') }} where production) as event_month_cost,
        {{ from_nanos('(select coalesce(' ~ isum('revenue_nanos') ~ ', 0) from ' ~ ref('int_revenue_months') ~ ')') }}
            - (select coalesce(sum(cost), {{ zero }}) from waterfall where section = 'destination' and destination <> 'out_of_scope')
            as revenue_less_cost,
        (select coalesce(sum(coalesce(loaded_margin, -direct_cost - shared_cost)), {{ zero }}) from {{ ref('fct_tenant_margin') }})
            as margin

),

final as (

    select 'billed is the sum of bridge and destinations (R5)' as invariant,
        concat(source, ' ', {{ text('billing_period_start') }}, ' ', billing_currency) as report, {{ text('billed') }} as expected,
        {{ text('carried') }} as found
    from bills where billed is null or billed <> carried

    union all

    select 'unplaced money is named by its row of completeness (R34)', concat(source, ' ', {{ text('month') }}, ' ', destination),
        {{ text('cost') }}, {{ text('named') }}
    from named where cost <> named

    union all

    select 'production of the months of events is what the waterfall shows at events (R21)', 'fct_event_cost_month',
        {{ text('event_cost') }}, {{ text('event_month_cost') }}
    from sums where event_cost <> event_month_cost

    union all

    select 'margins sum to revenue less cost, but for out_of_scope (R26)', 'fct_tenant_margin', {{ text('revenue_less_cost') }},
        {{ text('margin') }}
    from sums where revenue_less_cost <> margin

    union all

    select 'a variance is the sum of its components (R19)', reconciliation_id, {{ text('variance') }},
        {{ text(variance_components() | join('_variance + ') ~ '_variance') }}
    from {{ ref('fct_reconciliation') }}
    where variance <> {{ variance_components() | join('_variance + ') }}_variance

)

select * from final
