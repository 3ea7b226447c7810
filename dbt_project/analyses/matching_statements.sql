{# Every statement the matching materialization can issue, so that what it runs can be read, linted and checked without a warehouse. #}
{% for phase in ['quantity', 'money'] %}
{{ matching_bill_state(phase) }};
{% for stage in matching_stages() %}
{{ matching_present('bill_state', 'usage_state', stage) }};
{% for pass in matching_passes() %}
{% if pass.silent %}{{ matching_join_only_account('bill_state', 'usage_state', stage, pass) }};{% endif %}
{% for way in matching_ways(pass, pass.silent) %}
{{ matching_flow('bill_state', 'usage_state', phase, stage, pass, way, 1) }};
{% endfor %}{% endfor %}{% endfor %}
{% endfor %}
{{ matching_usage_state() }};
{{ matching_usage_as_money('usage_state') }};
{% for statement in matching_settle('bill_state', 'usage_state', 'step') %}{{ statement }};
{% endfor %}
