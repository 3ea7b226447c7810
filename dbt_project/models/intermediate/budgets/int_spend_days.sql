-- grain: scope of a budget × charge month × day: what the bills charge and what is accrued. `all` is everything but what finance takes
-- out; tenant, feature and segment have the cost of production calls (R26). A line that covers more than a day has no day
{% for scope, column in budget_scopes().items() %}
select
    '{{ scope }}' as scope, {{ column }} as scope_value, charge_month, charge_day,
    {{ isum('cost_nanos') }} as cost_nanos, {{ isum('accrued_nanos') }} as accrued_nanos
from {{ ref('int_spend_owners') }}
{{ 'where direct and ' ~ column ~ ' is not null' if scope != 'all' }}
group by 1, 2, 3, 4
{{ 'union all' if not loop.last }}
{%- endfor %}
