{#
  A signal says of one hour (or day, of what the bill shows) that a scope is beyond its threshold. Every model of signals has these
  columns: `step` where one scope can be beyond several, the hour and the last one it is known to hold in, over how many hours it was
  measured, what is measured and usual, by how much it is beyond (`excess`, for which hour was worst), the money it is about, in which rows
  whoever drives it is looked for, in words what `measured` counts, and the owner a rule or budget names.
#}
{% macro signal_columns() -%}
{{ return(['kind', 'scope', 'scope_value', 'step', 'hour_index', 'last_hour_index', 'hours', 'measured_nanos', 'expected_nanos',
    'threshold_nanos', 'excess', 'cost_nanos', 'feature_id', 'tenant_id', 'prompt_version', 'segment', 'about', 'ruled_owner']) }}
{%- endmacro %}

{# what is declared for a kind and one value of a series: joins of int_alert_settings for any scope and for its own #}
{% macro joined_settings(kind, value) -%}
join {{ ref('int_alert_settings') }} as any_scope on any_scope.kind = '{{ kind }}' and any_scope.scope_value is null
    left join {{ ref('int_alert_settings') }} as own_scope on own_scope.kind = '{{ kind }}' and own_scope.scope_value = {{ value }}
{%- endmacro %}

{# the columns of them that decide #}
{% macro settings() -%}
{% for column in ['threshold_nanos', 'minimum_nanos', 'minimum_calls', 'ruled_owner'] -%}
coalesce(own_scope.{{ column }}, any_scope.{{ column }}) as {{ column }}{{ ', ' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{#
  whether a day is no quiet one, of one value of a series or of everything. No outer join, whose condition would take its day from one
  relation and its value from another: DuckDB 2.0 then loses rows that have no match
#}
{% macro is_usual_day(day, value) -%}
{{ day }} not in (select day from {{ ref('stg_reference__quiet_days') }} where scope_value is null)
        and {{ text(day) }} || ' ' || {{ value }} not in (
            select {{ text('day') }} || ' ' || scope_value from {{ ref('stg_reference__quiet_days') }} where scope_value is not null
        )
{%- endmacro %}

{# days of the weeks before that must be known to say what is usual; with fewer there is too little history, and nothing alarms #}
{% macro least_days() %}{{ return(2) }}{% endmacro %}

{#
  What is no chance, of things that happen each for itself (events that begin): a number so far from the usual one that the square of the
  distance is eight times the greater of both (chance makes it about as great). What is usual is known by so many `weeks` (or days) only,
  and varies, too: with four, none where 10 are usual is no chance, nor are 14 where 2 are. Both numbers may be multiplied by a `scale`.
#}
{% macro is_no_chance(count, usual, weeks, scale=1) -%}
{{ wide('(' ~ count ~ ') - (' ~ usual ~ ')') }} * (({{ count }}) - ({{ usual }})) * {{ weeks }}
    >= 8 * ({{ weeks }} + 1) * {{ wide(scale) }} * greatest({{ count }}, {{ usual }}, {{ scale }})
{%- endmacro %}

{#
  What is no chance, of an amount that many unlike ones sum to (the cost of calls): its distance from the usual grows with the square root
  of their number. On half of the days before, the square of the distance by the number of calls (or whatever the amount is made of) was
  less than their median; ten times that distance, a hundred times its square, is none by chance.
#}
{% macro square_by_unit(distance, units) -%}
{{ idiv(wide(distance) ~ ' * ' ~ wide(distance), wide(units)) }}
{%- endmacro %}
{% macro is_beyond_spread(distance, units, square) -%}
{{ wide(distance) }} * {{ wide(distance) }} >= 100 * {{ square }} * {{ wide(units) }}
{%- endmacro %}

{# what a share in nanos is of a whole #}
{% macro part_of(share, whole) -%}
cast({{ idiv(wide(share) ~ ' * ' ~ whole, '1000000000') }} as int64)
{%- endmacro %}
{# of an even number of values the lower one in the middle: of any width, and on the side of saying nothing #}
{% macro lower_median(value, rank, rows) -%}
max(case when {{ rank }} = {{ idiv(rows ~ ' + 1', '2') }} then {{ value }} end)
{%- endmacro %}

{# an amount in nanos as a reader sees it, with so many decimals, the rest cut #}
{% macro decimals(nanos, places) -%}
case when {{ nanos }} < 0 then '-' else '' end || {{ text(idiv('abs(' ~ nanos ~ ')', '1000000000')) }}
    || '.' || substr({{ text('1000000000 + mod(abs(' ~ nanos ~ '), 1000000000)') }}, 2, {{ places }})
{%- endmacro %}

{# the same without zeros that say nothing; a share in percent #}
{% macro in_words(nanos, is_share) -%}
case when {{ is_share }} then {{ trimmed(decimals(nanos ~ ' * 100', 1)) }}
    when abs({{ nanos }}) < 10000000 then {{ trimmed(decimals(nanos, 7)) }}
    else {{ trimmed(decimals(nanos, 4)) }} end
{%- endmacro %}
{% macro trimmed(number) %}rtrim(rtrim({{ number }}, '0'), '.'){% endmacro %}

{#
  Signals of one scope make an episode as long as no more than `gap` hours lie between them: an alert. It has the figures of its worst
  hour. Its identity is what it is about and the day it began, so that it stays from hour to hour, and later signals of it add nothing.
#}
{% macro episodes_of(signals, gap) -%}
{% set scope = ['kind', 'scope', 'scope_value', 'step'] -%}
(
    select
        *, {{ key(scope + ['opened_day']) }} as alert_id
    from (
        select *, {{ idiv('opened_index', '24') }} as opened_day
        from (
            select
                *,
                min(hour_index) over (partition by {{ listed(scope) }}, episode) as opened_index,
                max(last_hour_index) over (partition by {{ listed(scope) }}, episode) as seen_index,
                row_number() over (
                    partition by {{ listed(scope) }}, episode order by excess desc, hour_index, hours, {{ listed(signal_places()) }}
                ) as place
            from (
                select *, {{ running('begins', scope | join(', '), 'hour_index, hours, ' ~ signal_places() | join(', ')) }} as episode
                from (
                    select
                        *,
                        case
                            when hour_index - max(last_hour_index) over (
                                partition by {{ listed(scope) }} order by hour_index, hours, {{ listed(signal_places()) }}
                                rows between unbounded preceding and 1 preceding
                            ) <= {{ gap }} then 0
                            else 1
                        end as begins
                    from {{ signals }}
                ) as begun
            ) as numbered
        ) as placed
        where place = 1
    ) as worst
)
{%- endmacro %}

{# where in a scope a signal stands, so that no two of one hour have one place #}
{% macro signal_places() %}{{ return(['feature_id nulls last', 'tenant_id nulls last', 'prompt_version nulls last']) }}{% endmacro %}

{# alerts as everybody sees them, of episodes with their drivers; `is_open` says whether one is not over #}
{% macro alerts_of(driven, is_open) -%}
select
    driven.alert_id, driven.kind, driven.scope, driven.scope_value,
    {{ hour_at('driven.opened_index') }} as opened_at, {{ hour_at('driven.seen_index') }} as last_seen_at,
    case when {{ is_open }} then 'open' else 'over' end as state, kinds.severity,
    {{ from_nanos('driven.measured_nanos') }} as measured, {{ from_nanos('driven.expected_nanos') }} as expected,
    {{ from_nanos('driven.threshold_nanos') }} as threshold, kinds.unit,
    driven.driver_feature_id, driven.driver_tenant_id, driven.driver_prompt_version,
    {{ from_nanos('driven.cost_nanos') }} as estimated_cost,
    coalesce(driven.ruled_owner, features.owner, kinds.owner) as owner,
    '1. Confirm the type of spike: ' || kinds.confirm
        || ' 2. ' || coalesce(driven.ruled_owner, features.owner, kinds.owner) || ' owns the incident; one channel for it.'
        || ' 3. Contain before optimising: ' || kinds.contain || '.'
        || ' 4. Document the driver: feature ' || coalesce(driven.driver_feature_id, 'not known')
        || ', tenant ' || coalesce(driven.driver_tenant_id, 'not known')
        || ', prompt version ' || coalesce(driven.driver_prompt_version, 'not known') || '.'
        || ' 5. One permanent guardrail: ' || kinds.guardrail || '.' as checklist,
    driven.scope || case when driven.scope = driven.scope_value then '' else ' ' || driven.scope_value end || ': '
        || {{ in_words('driven.measured_nanos', 'kinds.measures_share') }} || case when kinds.measures_share then ' % ' else ' ' end
        || driven.about
        || coalesce('; expected ' || {{ in_words('driven.expected_nanos', 'kinds.measures_share') }}
            || case when kinds.measures_share then ' %' else '' end, '')
        || '; ' || replace(
            replace(kinds.alarms, '#', {{ in_words('driven.threshold_nanos', "kinds.threshold_is_share") }}),
            'currency', '{{ var("reporting_currency") }}'
        ) as message,
    '{{ var("reporting_currency") }}' as currency
from {{ driven }} as driven
join {{ ref('alert_kinds') }} as kinds on driven.kind = kinds.kind
left join {{ ref('stg_reference__features') }} as features on driven.feature_id = features.feature_id
{%- endmacro %}

{# episodes with the feature, tenant and prompt version that have most of the money, then of the calls, in the rows behind each #}
{% macro with_drivers(episodes, rows_behind) -%}
{% set columns = ['feature_id', 'tenant_id', 'prompt_version'] -%}
select
    episodes.*{% for column in columns %},
    coalesce(episodes.{{ column }}, {{ column }}_drivers.{{ column }}) as driver_{{ column }}{% endfor %}
from {{ episodes }} as episodes
{% for column in columns -%}
left join (
    select
        alert_id, {{ column }},
        row_number() over (partition by alert_id order by sum(nanos) desc, sum(calls) desc, {{ column }}) as place
    from {{ rows_behind }}
    where {{ column }} is not null
    group by alert_id, {{ column }}
) as {{ column }}_drivers on episodes.alert_id = {{ column }}_drivers.alert_id and {{ column }}_drivers.place = 1
{% endfor -%}
{%- endmacro %}
