-- grain: feature × month: what it earned, by what the price was for, what its calls cost, and who it was for. Rows in parentheses are no
-- feature: bundles without prices, shared cost, pools no driver moves; so the table sums to fct_tenant_margin
{% set zero = money("'0'") %}
{% set pricings = ['seat', 'usage', 'overage', 'outcome', 'bundle'] %}
with tenants as (

    select
        feature_id, month, tenant_id, revenue, direct_cost, accrued_cost, shared_cost, contribution_margin, revenue_complete,
        row_number() over (
            partition by feature_id, month
            order by case when tenant_id = '(unassigned)' then 1 else 0 end, direct_cost desc, tenant_id
        ) as cost_rank
    from {{ ref('fct_tenant_margin') }}

),

summed as (

    select
        feature_id, month,
        sum(revenue) as revenue, sum(direct_cost) as direct_cost, sum(accrued_cost) as accrued_cost, sum(shared_cost) as shared_cost,
        min(case when revenue_complete then 1 else 0 end) = 1 as revenue_complete,
        count(distinct case when tenant_id <> '(unassigned)' then tenant_id end) as tenants,
        max(case when cost_rank = 1 and tenant_id <> '(unassigned)' then tenant_id end) as top_tenant_id,
        max(case when cost_rank = 1 and tenant_id <> '(unassigned)' then direct_cost end) as top_tenant_cost,
        max(case when cost_rank = 1 and tenant_id <> '(unassigned)' then contribution_margin end) as top_tenant_contribution_margin,
        coalesce(sum(case when contribution_margin < 0 and tenant_id <> '(unassigned)' then -contribution_margin end), {{ zero }})
            as losses_of_tenants
    from tenants
    group by feature_id, month

),

-- the line says what its price is for, else its bundle does, else how finance says the feature is sold
priced as (

    select
        months.feature_id, months.month, months.revenue_nanos,
        coalesce(lines.pricing, case when lines.bundle_id is not null then 'bundle' end,
            case features.revenue_model when 'per_seat' then 'seat' when 'per_outcome' then 'outcome' when 'usage_overage' then 'usage'
                when 'usage' then 'usage' end, 'other') as pricing
    from {{ ref('int_revenue_months') }} as months
    join {{ ref('int_revenue_lines') }} as lines on months.revenue_id = lines.revenue_id and lines.counts
    left join {{ ref('stg_reference__features') }} as features on months.feature_id = features.feature_id

),

earned as (

    select
        feature_id, month,
        {% for pricing in pricings %}{{ from_nanos(isum("case when pricing = '" ~ pricing ~ "' then revenue_nanos else 0 end")) }}
            as {{ pricing }}_revenue,
        {% endfor %}{{ from_nanos(isum("case when pricing = 'other' then revenue_nanos else 0 end")) }} as other_revenue
    from priced
    group by feature_id, month

),

margins as (

    select
        {{ key(['summed.feature_id', 'summed.month']) }} as feature_margin_id,
        summed.feature_id, summed.month, summed.revenue,
        {% for pricing in pricings + ['other'] %}case when summed.revenue is not null
            then coalesce(earned.{{ pricing }}_revenue, {{ zero }}) end as {{ pricing }}_revenue,
        {% endfor %}summed.direct_cost, summed.accrued_cost, summed.shared_cost,
        summed.revenue - summed.direct_cost as contribution_margin,
        summed.revenue_complete, summed.tenants, summed.top_tenant_id, summed.top_tenant_contribution_margin, summed.losses_of_tenants,
        {{ share(nanos('summed.top_tenant_cost'), nanos('summed.direct_cost')) }} as top_tenant_share,
{{ coverage_beside('own', 'months') }}
    from summed
    left join earned on summed.feature_id = earned.feature_id and summed.month = earned.month
    left join {{ ref('int_coverage') }} as months on months.scope = 'month' and summed.month = months.month
    left join {{ ref('int_coverage') }} as own
        on own.scope = 'feature' and summed.month = own.month and summed.feature_id = own.feature_id

)

select
    margins.feature_margin_id, margins.feature_id, features.name, features.owner, margins.month, margins.revenue,
    {% for pricing in pricings + ['other'] %}margins.{{ pricing }}_revenue, {% endfor %}
    margins.direct_cost, margins.accrued_cost, margins.shared_cost, margins.contribution_margin,
    {{ share(nanos('margins.contribution_margin'), nanos('margins.revenue')) }} as margin_rate,
    before.contribution_margin as previous_contribution_margin, margins.revenue_complete,
    margins.tenants, margins.top_tenant_id, margins.top_tenant_share, margins.top_tenant_contribution_margin, margins.losses_of_tenants,
    {{ listed(coverage_columns(), 'margins.') }},
    {{ status_of('margins') }} as status,
    '{{ var("reporting_currency") }}' as currency
from margins
left join {{ ref('stg_reference__features') }} as features on margins.feature_id = features.feature_id
left join margins as before on margins.feature_id = before.feature_id and before.month = {{ month_before('margins.month') }}
