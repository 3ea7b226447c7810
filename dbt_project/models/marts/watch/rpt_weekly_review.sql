-- grain: week × section × rank, of weeks that are known from their first day to their last. What to decide this week, and what came of
-- last week's decisions. A week's margin is revenue of its months by days, less what its production calls cost, billed and accrued
{% set top = 3 %}
with costs as (

    select {{ week_of('charge_day') }} as week, tenant_id, feature_id, {{ isum('cost_nanos + accrued_nanos') }} as nanos
    from {{ ref('int_spend_owners') }}
    where direct and charge_day is not null
    group by 1, 2, 3

),

weeks as (

    select distinct week, {{ add_days('week', 6) }} as last_day
    from costs
    where {{ add_days('week', 6) }} <= (select max(charge_day) from {{ ref('int_spend_owners') }})
        and week >= (select min(charge_day) from {{ ref('int_spend_owners') }})

),

-- days of a week by month: the revenue of a month is spread over its days
week_months as (

    select weeks.week, {{ month_of('cast(day as date)') }} as month, count(*) as days
    from weeks
    {{ days_of('weeks.week', add_days('weeks.week', 7), 'day') }}
    group by 1, 2

),

earned as (

    select
        week_months.week, margins.tenant_id, margins.feature_id,
        min(case when margins.revenue is null then 0 else 1 end) = 1 as is_known,
        {{ isum(idiv(nanos('coalesce(margins.revenue, ' ~ money("'0'") ~ ')') ~ ' * week_months.days',
            days_between('week_months.month', month_of(add_days('week_months.month', 31))))) }} as nanos
    from week_months
    join {{ ref('fct_tenant_margin') }} as margins on week_months.month = margins.month
    where margins.feature_id not like '(%' and margins.tenant_id <> '(unassigned)'
    group by week_months.week, margins.tenant_id, margins.feature_id

),

paths as (

    select
        weeks.week, coalesce(costs.tenant_id, earned.tenant_id) as tenant_id, coalesce(costs.feature_id, earned.feature_id) as feature_id,
        coalesce(costs.nanos, 0) as cost_nanos,
        case when coalesce(earned.is_known, true) then coalesce(earned.nanos, 0) end as revenue_nanos
    from (select * from costs where tenant_id is not null and feature_id is not null) as costs
    full join earned on costs.week = earned.week and costs.tenant_id = earned.tenant_id and costs.feature_id = earned.feature_id
    join weeks on weeks.week = coalesce(costs.week, earned.week)

),

ranked_paths as (

    select
        *, revenue_nanos - cost_nanos as margin_nanos,
        row_number() over (partition by week, feature_id order by revenue_nanos - cost_nanos, tenant_id) as place
    from paths

),

features as (

    select
        week, feature_id, case when count(revenue_nanos) = count(*) then {{ isum('margin_nanos') }} end as margin_nanos,
        {{ isum('cost_nanos') }} as cost_nanos, max(case when place = 1 then tenant_id end) as worst_tenant_id
    from ranked_paths
    group by week, feature_id

),

-- the verdict of the month in which the week ends
feature_rows as (

    select
        features.week, 'negative_margin_path' as section,
        row_number() over (partition by features.week order by features.margin_nanos, features.feature_id) as rank,
        features.feature_id, features.worst_tenant_id as tenant_id, cast(null as string) as prompt_version,
        features.margin_nanos as amount_nanos, features.cost_nanos as measured_nanos,
        case coalesce(verdicts.verdict, 'investigate')
            when 'reprice' then 'reprice' when 'limit' then 'quota' when 'sunset' then 'sunset'
            when 'optimise' then coalesce(verdicts.lever, 'optimise') else 'investigate'
        end as action,
        'costs ' || {{ decimals('features.cost_nanos', 2) }} || ' and earns '
            || {{ decimals('features.cost_nanos + features.margin_nanos', 2) }} || ' in the week; most is lost on '
            || features.worst_tenant_id || coalesce('; the month says ' || verdicts.verdict || ' (' || verdicts.rule || ')', '') as reason,
        declared.owner
    from features
    join weeks on features.week = weeks.week
    left join {{ ref('fct_feature_verdicts') }} as verdicts
        on features.feature_id = verdicts.feature_id and verdicts.month = {{ month_of('weeks.last_day') }}
    left join {{ ref('stg_reference__features') }} as declared on features.feature_id = declared.feature_id
    where features.margin_nanos < 0

),

-- versions deployed in the week or the one before, so that there is something to compare
version_rows as (

    select
        weeks.week, 'prompt_version' as section,
        row_number() over (partition by weeks.week order by impacts.margin_impact, impacts.feature_id, impacts.prompt_version) as rank,
        impacts.feature_id, cast(null as string) as tenant_id, impacts.prompt_version,
        {{ nanos('impacts.margin_impact') }} as amount_nanos, {{ nanos('impacts.difference') }} as measured_nanos,
        case when impacts.finding = 'dearer' then 'roll back' when impacts.finding = 'cheaper' then 'keep' else 'wait' end as action,
        'since ' || {{ text('cast(impacts.deployed_at as date)') }} || ' after ' || impacts.before_version || ': ' || impacts.finding
            || ', ' || {{ text('impacts.events_after') }} || ' events against ' || {{ text('impacts.events_before') }} as reason,
        declared.owner
    from weeks
    join {{ ref('fct_prompt_version_impact') }} as impacts
        on cast(impacts.deployed_at as date) >= {{ add_days('weeks.week', -7) }} and cast(impacts.deployed_at as date) <= weeks.last_day
    left join {{ ref('stg_reference__features') }} as declared on impacts.feature_id = declared.feature_id
    where impacts.margin_impact is not null

),

-- thresholds move by risk: of what must not fail people hear earlier, what is cheap to get wrong is capped
budget_steps as (
    {% for state in budget_states() %}
    select scope, scope_value, month, '{{ state }}' as state, {{ state }}_since as since from {{ ref('int_budget_states') }}
    where {{ state }}_since is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

budget_rows as (

    select
        weeks.week, 'budget' as section,
        row_number() over (
            partition by weeks.week order by {{ nanos('budgets.share_spent') }} desc, budgets.scope, budgets.scope_value
        ) as rank,
        case when budgets.scope = 'feature' then budgets.scope_value end as feature_id,
        case when budgets.scope = 'tenant' then budgets.scope_value end as tenant_id, cast(null as string) as prompt_version,
        {{ nanos('budgets.amount') }} as amount_nanos, {{ nanos('budgets.forecast') }} as measured_nanos,
        case
            when declared.risk = 'high' then 'raise the amount, and warn from '
                || {{ decimals(nanos('budgets.warning_share') ~ ' - 100000000', 2) }}
            when declared.risk = 'low' then 'keep the amount, and cap the feature'
            else 'agree on the amount'
        end as action,
        budgets.scope || case when budgets.scope = 'all' then '' else ' ' || budgets.scope_value end || ' reached ' || steps.state || ' on '
            || {{ text('steps.since') }} || ' of ' || {{ decimals(nanos('budgets.amount'), 2) }}
            || coalesce('; risk ' || declared.risk, '') as reason,
        budgets.owner
    from weeks
    join (
        select scope, scope_value, month, state, since,
            row_number() over (partition by scope, scope_value, month, {{ week_of('since') }} order by since desc, state) as place
        from budget_steps
    ) as steps on weeks.week = {{ week_of('steps.since') }} and steps.place = 1
    join {{ ref('fct_budget_status') }} as budgets
        on steps.scope = budgets.scope and steps.scope_value = budgets.scope_value and steps.month = budgets.month
    left join {{ ref('stg_reference__features') }} as declared on budgets.scope = 'feature' and budgets.scope_value = declared.feature_id

),

tenants as (

    select
        week, tenant_id, case when count(revenue_nanos) = count(*) then {{ isum('margin_nanos') }} end as margin_nanos,
        {{ isum('cost_nanos') }} as cost_nanos
    from ranked_paths
    group by week, tenant_id

),

dearest_features as (

    select week, tenant_id, feature_id, row_number() over (partition by week, tenant_id order by cost_nanos desc, feature_id) as place
    from ranked_paths

),

before as (

    select
        tenants.week, tenants.tenant_id, earlier.cost_nanos,
        row_number() over (partition by tenants.week, tenants.tenant_id order by earlier.cost_nanos) as rank,
        count(*) over (partition by tenants.week, tenants.tenant_id) as weeks
    from tenants
    join tenants as earlier on tenants.tenant_id = earlier.tenant_id and earlier.week < tenants.week
        and earlier.week >= {{ add_days('tenants.week', -7 * history_weeks()) }}

),

usual as (

    select week, tenant_id, {{ median_of('cost_nanos', 'rank', 'weeks') }} as cost_nanos from before group by week, tenant_id

),

-- an outlier loses money; where it also uses twice what it did, a quota stops it, else its price is what is wrong
tenant_rows as (

    select
        tenants.week, 'outlier_tenant' as section,
        row_number() over (partition by tenants.week order by tenants.margin_nanos, tenants.tenant_id) as rank,
        dearest.feature_id, tenants.tenant_id, cast(null as string) as prompt_version,
        tenants.margin_nanos as amount_nanos, tenants.cost_nanos as measured_nanos,
        case when tenants.cost_nanos >= 2 * usual.cost_nanos then 'quota' else 'price' end as action,
        'costs ' || {{ decimals('tenants.cost_nanos', 2) }} || ' and pays '
            || {{ decimals('tenants.cost_nanos + tenants.margin_nanos', 2) }}
            || ' in the week' || coalesce('; usually it costs ' || {{ decimals('usual.cost_nanos', 2) }}, '; too little history of its use')
            as reason,
        declared.owner
    from tenants
    join dearest_features as dearest on tenants.week = dearest.week and tenants.tenant_id = dearest.tenant_id and dearest.place = 1
    left join usual on tenants.week = usual.week and tenants.tenant_id = usual.tenant_id
    left join {{ ref('stg_reference__features') }} as declared on dearest.feature_id = declared.feature_id
    where tenants.margin_nanos < 0

),

decided as (
    {% for part in ['feature_rows', 'version_rows', 'budget_rows', 'tenant_rows'] %}
    select * from {{ part }} {{ 'where rank <= ' ~ top if part == 'feature_rows' }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

versions_used as (

    select
        {{ week_of('day') }} as week, feature_id, prompt_version, {{ isum('events') }} as events
    from {{ ref('fct_outcome_day') }}
    where production
    group by 1, 2, 3

),

-- it worked where at most three quarters of the loss are left; a version that was to go is gone when nothing ran with it
followed as (

    select
        weeks.week, decided.section as of_section, decided.rank as of_rank, decided.feature_id, decided.tenant_id, decided.prompt_version,
        decided.action, decided.owner, decided.amount_nanos as measured_nanos,
        case decided.section
            when 'negative_margin_path' then coalesce(features.margin_nanos, 0)
            when 'outlier_tenant' then coalesce(tenants.margin_nanos, 0)
            when 'prompt_version' then 1000000000 * coalesce(versions.events, 0)
        end as amount_nanos,
        case decided.section
            when 'negative_margin_path' then 4 * coalesce(features.margin_nanos, 0) >= 3 * decided.amount_nanos
            when 'outlier_tenant' then 4 * coalesce(tenants.margin_nanos, 0) >= 3 * decided.amount_nanos
            when 'prompt_version' then case when decided.action = 'roll back' then coalesce(versions.events, 0) = 0 end
        end as worked
    from decided
    join weeks on weeks.week = {{ add_days('decided.week', 7) }}
    left join features on weeks.week = features.week and decided.feature_id = features.feature_id
    left join tenants on weeks.week = tenants.week and decided.tenant_id = tenants.tenant_id
    left join versions_used as versions
        on weeks.week = versions.week and decided.feature_id = versions.feature_id and decided.prompt_version = versions.prompt_version
    where decided.section <> 'budget' and decided.action not in ('keep', 'wait')

),

all_rows as (

    select
        week, section, rank, feature_id, tenant_id, prompt_version, amount_nanos, measured_nanos, action, reason, owner,
        cast(null as string) as last_week_action, cast(null as bool) as worked
    from decided

    union all

    select
        week, 'last_week', row_number() over (partition by week order by of_section, of_rank), feature_id, tenant_id, prompt_version,
        amount_nanos, measured_nanos,
        case when worked then 'none: it worked' else action end,
        of_section || ': ' || case when of_section = 'prompt_version'
                then {{ text(idiv('amount_nanos', '1000000000')) }} || ' events still ran with it'
            else 'margin ' || {{ decimals('amount_nanos', 2) }} || ' after ' || {{ decimals('measured_nanos', 2) }} end,
        owner, action, worked
    from followed

)

select
    {{ key(['week', 'section', 'rank']) }} as weekly_review_id,
    week, section, rank, feature_id, tenant_id, prompt_version, {{ from_nanos('amount_nanos') }} as amount,
    {{ from_nanos('measured_nanos') }} as measured, action, reason, owner, last_week_action, worked,
    '{{ var("reporting_currency") }}' as currency
from all_rows
