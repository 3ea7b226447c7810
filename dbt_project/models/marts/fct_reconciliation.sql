-- grain: source, account, model, meter, price dimensions the bill tells, and charge day (month-long lines: no day, their month).
-- variance = billed − expected at contract price, as the exact sum of the components of R19
select
    reconciliation_id,
    {{ listed(reconciliation_dimensions()) }},
    {{ from_nanos('billed') }} as billed_cost,
    {{ from_nanos('expected') }} as expected_cost,
    {{ from_nanos('billed - expected') }} as variance{% for component in variance_components() %},
    {{ from_nanos(component) }} as {{ component }}_variance{% endfor %},
    class,
    last_pass,
    '{{ var("reporting_currency") }}' as currency
from {{ ref('int_variances') }}
