{# where a call's money ends (R5, R7) #}
{% macro call_destination(calls) -%}
case when not {{ calls }}.production then 'non_production' when {{ calls }}.event_id is null then 'untagged' else 'event' end
{%- endmacro %}

{# what calls say of the event and run they belong to #}
{% macro names_of_calls() -%}
  {{ return(['tenant_id', 'feature_id', 'customer_id', 'user_hash', 'workflow', 'prompt_version']) }}
{%- endmacro %}

{# where calls were made: which environment, and whether on real data or made up #}
{% macro names_of_settings() %}{{ return(['environment', 'data_mode']) }}{% endmacro %}

{#
  What the calls of each run, or of each event, say together on the days that are read: `homes` has the runs or events, `whole` is their
  id. Nearly always all calls name the same; only names of the others are compared, and one that two of them tell differently is none (R26)
#}
{% macro said_together(homes, whole) -%}
{%- set names = names_of_calls() + names_of_settings() -%}
    with contexts as (

        select
            contexts.{{ whole }}, {{ listed(names_of_calls(), 'contexts.') }}, lower(contexts.environment) as environment,
            contexts.data_mode, contexts.production, contexts.started_at, contexts.ended_at, contexts.calls
        from {{ ref('int_call_contexts') }} as contexts
        join {{ homes }} as homes on contexts.{{ whole }} = homes.{{ whole }}
        where {{ of_read_days('contexts.charge_day') }}

    ),

    alike as (

        select
            {{ whole }}, {{ listed(names) }}, production,
            min(started_at) as started_at, max(ended_at) as ended_at, {{ isum('calls') }} as calls
        from contexts
        group by {{ whole }}, {{ listed(names) }}, production

    ),

    several as (

        select {{ whole }} from alike group by {{ whole }} having count(*) > 1

    )

    select
        alike.{{ whole }}, {{ listed(names, 'alike.') }},
        {% for name in names %}alike.{{ name }} is not null as tells_{{ name }}, {% endfor %}
        {% for name in ['tenant_id', 'feature_id'] %}case when alike.production then alike.{{ name }} end as called_{{ name }}, {% endfor %}
        alike.production, alike.started_at, alike.ended_at, alike.calls
    from alike
    left join several on alike.{{ whole }} = several.{{ whole }}
    where several.{{ whole }} is null

    union all

    select
        {{ whole }},
        {% for name in names %}{{ only_of('min(' ~ name ~ ')', 'max(' ~ name ~ ')') }}, {% endfor %}
        {% for name in names %}min({{ name }}) is not null, {% endfor %}
        {% for name in ['tenant_id', 'feature_id'] %}{% set told = 'case when production then ' ~ name ~ ' end' -%}
        {{ only_of('min(' ~ told ~ ')', 'max(' ~ told ~ ')') }}, {% endfor %}
        max(case when production then 1 else 0 end) = 1, min(started_at), max(ended_at), {{ isum('calls') }}
    from alike
    where {{ whole }} in (select several.{{ whole }} from several)
    group by {{ whole }}
{%- endmacro %}
