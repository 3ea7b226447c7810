{# what an hour's cost is told by #}
{% macro hour_dimensions() -%}
{{ return(['hour_index', 'tenant_id', 'feature_id', 'prompt_version', 'model', 'service_tier', 'environment', 'production']) }}
{%- endmacro %}

{#
  what is counted and summed of an hour, additive over everything but time: a run or event counts once a day, with its first call.
  `starts` are events, and runs or calls that name none: what comes independently
#}
{% macro hour_counts() -%}
{{ return(['calls', 'unpriced_calls', 'priced_calls', 'runs', 'starts', 'events', 'successes', 'failures']) }}
{%- endmacro %}

{# the same of a call, whose words its context and its profile have #}
{% macro hour_dimensions_of_calls() -%}
contexts.tenant_id, contexts.feature_id, contexts.prompt_version, profiles.model, profiles.service_tier, contexts.environment,
        contexts.production
{%- endmacro %}
