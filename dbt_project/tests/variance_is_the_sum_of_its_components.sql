-- R19: variance is the signed sum of its components, nothing left over
{% set components = ['duplicate', 'missing_telemetry', 'missing_charge', 'timing', 'quantity', 'cache_semantics', 'tier', 'price', 'aborted_stream', 'fx', 'tax', 'credit', 'fees', 'unpriced', 'rounding', 'unexplained'] %}
select reconciliation_id
from {{ ref('fct_reconciliation') }}
where variance <> {% for component in components %}{{ component }}_variance{{ ' + ' if not loop.last }}{% endfor %}
