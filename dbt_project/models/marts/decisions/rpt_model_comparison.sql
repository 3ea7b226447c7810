-- grain: month × workflow × model route: routes on the same work side by side, per success and not per call
with summed as (

    select
        {{ month_of('day') }} as month, coalesce(workflow, '(none)') as workflow, coalesce(model_route, '(none)') as model_route,
        {% for count in unit_counts() %}{{ isum(count) }} as {{ count }}, {% endfor %}
        {% for amount in unit_amounts() %}{{ nanos('sum(' ~ amount ~ ')') }} as {{ amount }}_nanos{{ ', ' if not loop.last }}{% endfor %}
    from {{ ref('fct_outcome_day') }}
    where production
    group by 1, 2, 3

)

select
    {{ key(['month', 'workflow', 'model_route']) }} as model_comparison_id,
    month, workflow, model_route,
{{ unit_figures('summed') }},
    {{ share('failures', 'successes + failures + partials') }} as failure_share,
    {{ per('resolved_cost_nanos', 'successes') }} - min(case when successes >= 30 then {{ per('resolved_cost_nanos', 'successes') }} end)
        over (partition by month, workflow) as above_cheapest,
    '{{ var("reporting_currency") }}' as currency
from summed
where events > 0
