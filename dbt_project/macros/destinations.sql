{# destinations of money that should have reached an event and did not: those the seed counts in coverage, but for `event` itself (R28) #}
{% macro unplaced_destinations() %}{{ return(['unmapped', 'untagged', 'sampled_out', 'no_telemetry', 'unexplained']) }}{% endmacro %}
