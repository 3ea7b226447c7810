-- R19: variance is the signed sum of its components, nothing left over
select reconciliation_id
from {{ ref('fct_reconciliation') }}
where variance <> {% for component in variance_components() %}{{ component }}_variance{{ ' + ' if not loop.last }}{% endfor %}
