{# Every statement the matching materialization can issue, so that what it runs can be read, linted and checked without a warehouse. #}
{% for phase in ['quantity', 'money'] %}
{{ matching_bill_state(phase) }};
{% for stage in matching_stages() %}{% for pass in matching_passes() %}
{{ matching_flow('bill_state', 'usage_state', phase, stage, pass, 1) }};
{% endfor %}{% endfor %}
{% endfor %}
{{ matching_usage_state() }};
{{ matching_usage_as_money('usage_state') }};
{% for statement in matching_settle('bill_state', 'usage_state', 'step') %}{{ statement }};
{% endfor %}
