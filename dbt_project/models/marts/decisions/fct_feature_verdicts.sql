-- grain: month × feature: what to do about it, by the first rule that applies, with the number that decided. A verdict holds on both bounds
-- of the cost per success (R24) or is `investigate`
{% set wasteful, rising, dominant = "0.25", "0.20", "0.50" %}
{% set cost_levers = ['batch', 'cheaper_route', 'context', 'cache', 'output_cap', 'retry', 'prompt_rollback'] %}
with sums as (
    {{ unit_sums(month_of('day'), {'feature': 'feature_id'}) }}
),

figures as (

    select period as month, slice_value as feature_id,
{{ unit_figures('sums') }}
    from sums

),

savings as (

    select month, feature_id, lever, saving,
        row_number() over (partition by month, feature_id order by saving desc, lever) as place
    from {{ ref('fct_savings') }}
    where lever in ({{ quoted(cost_levers) }})

),

told as (

    select
        margins.month, margins.feature_id, margins.owner, features.value_per_outcome, features.risk,
        figures.events, figures.successes, figures.event_cost, figures.cost_per_success, figures.cost_per_success_low,
        figures.cost_per_success_high, figures.waste_share,
        margins.revenue, margins.contribution_margin, margins.contribution_margin - margins.accrued_cost as contribution_margin_low,
        -- what a price by outcome earns is known when the month is over; who sells nothing has no price to change
        coalesce(margins.revenue > 0 and margins.revenue_complete, false) and {{ month_after('margins.month') }} <= {{ as_of_day() }}
            as margin_counts,
        margins.margin_rate, margins.top_tenant_id, margins.top_tenant_share, margins.top_tenant_contribution_margin, margins.status,
        {{ share(nanos('figures.cost_per_success') ~ ' - ' ~ nanos('before.cost_per_success'), nanos('before.cost_per_success')) }}
            as trend,
        savings.lever as best_lever, savings.saving as best_saving,
        {{ per(nanos('savings.saving'), 'figures.successes') }} as saving_per_success
    from {{ ref('fct_feature_margin') }} as margins
    left join {{ ref('stg_reference__features') }} as features on margins.feature_id = features.feature_id
    left join figures on margins.month = figures.month and margins.feature_id = figures.feature_id
    left join figures as before on margins.feature_id = before.feature_id and before.month = {{ month_before('margins.month') }}
    left join savings on margins.month = savings.month and margins.feature_id = savings.feature_id and savings.place = 1
    where margins.feature_id not like '(%' and (coalesce(figures.events, 0) > 0 or margins.direct_cost <> 0)

),

{% for bound, cost, margin in [('low', 'cost_per_success_low', 'contribution_margin'),
    ('high', 'cost_per_success_high', 'contribution_margin_low')] %}
{{ bound }} as (

    select month, feature_id,
        case
            when coalesce(successes, 0) = 0 then 'no_success'
            when value_per_outcome is not null and {{ cost }} > value_per_outcome
                then case when {{ cost }} - coalesce(saving_per_success, {{ money("'0'") }}) <= value_per_outcome
                    then 'dearer_than_its_worth' else 'dearer_than_its_worth_whatever_is_saved' end
            when margin_counts and {{ margin }} < 0 then 'sold_below_cost'
            when margin_counts and top_tenant_contribution_margin < 0 and top_tenant_share >= {{ money("'" ~ dominant ~ "'") }}
                then 'one_tenant_costs_most_and_loses'
            when waste_share >= {{ money("'" ~ wasteful ~ "'") }} then 'wasteful'
            when trend >= {{ money("'" ~ rising ~ "'") }} then 'rising'
            when value_per_outcome is null and not coalesce(revenue > 0, false) then 'nobody_says_its_worth'
            else 'worth_more_than_it_costs'
        end as rule
    from told

),

{% endfor %}
ruled as (

    select
        told.*, low.rule as rule_low, high.rule as rule_high,
        {% for bound in ['low', 'high'] %}
        {{- verdict_of(bound ~ '.rule') }} as verdict_{{ bound }}{{ ',' if not loop.last }}
        {% endfor %}
    from told
    join low on told.month = low.month and told.feature_id = low.feature_id
    join high on told.month = high.month and told.feature_id = high.feature_id

),

decided as (

    select *,
        case when verdict_low = verdict_high then verdict_high else 'investigate' end as verdict,
        case when verdict_low = verdict_high then rule_high else 'bounds_disagree' end as rule
    from ruled

)

select
    {{ key(['month', 'feature_id']) }} as feature_verdict_id,
    month, feature_id, owner, verdict, rule,
    case
        when rule in ('dearer_than_its_worth', 'dearer_than_its_worth_whatever_is_saved', 'bounds_disagree', 'worth_more_than_it_costs')
            then cost_per_success_high
        when rule = 'sold_below_cost' then contribution_margin_low
        when rule = 'one_tenant_costs_most_and_loses' then top_tenant_share
        when rule = 'wasteful' then waste_share
        when rule = 'rising' then trend
        when rule = 'no_success' then event_cost
    end as measured,
    case
        when rule in ('dearer_than_its_worth', 'dearer_than_its_worth_whatever_is_saved', 'bounds_disagree', 'worth_more_than_it_costs')
            then value_per_outcome
        when rule = 'sold_below_cost' then {{ money("'0'") }}
        when rule = 'one_tenant_costs_most_and_loses' then {{ money("'" ~ dominant ~ "'") }}
        when rule = 'wasteful' then {{ money("'" ~ wasteful ~ "'") }}
        when rule = 'rising' then {{ money("'" ~ rising ~ "'") }}
    end as threshold,
    verdict_low, verdict_high, value_per_outcome, cost_per_success, cost_per_success_low, cost_per_success_high,
    contribution_margin, margin_rate, trend, waste_share, top_tenant_id, top_tenant_share,
    case when verdict = 'reprice' then 'price' when verdict = 'limit' then 'quota' when verdict <> 'scale' then best_lever end as lever,
    case when verdict = 'reprice' then -contribution_margin when verdict = 'limit' then -top_tenant_contribution_margin
        when verdict <> 'scale' then best_saving end as saving,
    status, '{{ var("reporting_currency") }}' as currency
from decided
