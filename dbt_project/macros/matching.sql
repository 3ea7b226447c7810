{#
  The passes of rule R9 over cells, as statements. Two state tables hold what is left; every step lets one group of bill cells and
  one group of usage cells meet (R11) and appends what flowed. The calls are never touched here.

    phase     quantity: bill cells that have one · money: R14, bill cells without, in micro-units
    stage     days · other_day (R16) · months · cache: cached tokens of the bill with input of usage that tells no cache apart
    met_by    day · other_day · month: the times of both that were equal; stage cache meets by all three
    pass      1–4 bill depth key, project, account, none with usage that knows at least as much; 5–7 usage of less depth
    turn      1 provider-reported · 2 with an other-day flag · 3 cache-blind · 4 both · 5–8 the same of estimated usage (R12)
#}

{#
  `meet` is the depth at which both tell their owner. In passes 3 and 6 one side may know a project or key and no account: it is
  `silent`, and meets any account (see matching_ways).
#}
{% macro matching_passes() %}
  {{ return([
    {'pass': 1, 'bill': [3], 'usage': [3], 'meet': 3},
    {'pass': 2, 'bill': [2], 'usage': [2, 3], 'meet': 2},
    {'pass': 3, 'bill': [1], 'usage': [1, 2, 3], 'meet': 1, 'silent': 'usage', 'telling': 'bill'},
    {'pass': 4, 'bill': [0], 'usage': [0, 1, 2, 3], 'meet': 0},
    {'pass': 5, 'bill': [3], 'usage': [2], 'meet': 2},
    {'pass': 6, 'bill': [2, 3], 'usage': [1], 'meet': 1, 'silent': 'bill', 'telling': 'usage'},
    {'pass': 7, 'bill': [1, 2, 3], 'usage': [0], 'meet': 0},
  ]) }}
{% endmacro %}

{# the ways in which cells meet by time, and the order in which usage then stands #}
{% macro matching_times() %}
  {{ return([
    {'met_by': 'day', 'bill_time': 'charge_day', 'usage_time': 'charge_day', 'usage_order': 'cell_order'},
    {'met_by': 'other_day', 'bill_time': 'charge_day', 'usage_time': 'other_day', 'usage_order': 'other_order'},
    {'met_by': 'other_day', 'bill_time': 'charge_day', 'usage_time': 'second_other_day', 'usage_order': 'second_order'},
    {'met_by': 'month', 'bill_time': 'charge_month', 'usage_time': 'charge_month', 'usage_order': 'cell_order'},
  ]) }}
{% endmacro %}

{# the stages of R9 in order; `groups` are the columns equal cells have in common, `meter` whose bill cells take part where not all do #}
{% macro matching_stages() %}
  {%- set stages, named = [], {'day': 'days', 'other_day': 'other_day', 'month': 'months'} -%}
  {%- for time in matching_times() %}{% do stages.append(dict(time, stage=named[time.met_by], groups='group')) %}{% endfor -%}
  {%- for meter in cached_meters() %}{% for time in matching_times() %}
      {%- do stages.append(dict(time, stage='cache', groups='cache_group', meter=meter)) %}{% endfor %}{% endfor -%}
  {{ return(stages) }}
{% endmacro %}

{% macro matching_bill_state(phase) %}
{%- set whole = 'quantity' if phase == 'quantity' else idiv('cost_nanos', '1000') %}
select
    bill_cell_id, cell_order, depth, depth >= 2 and billing_account_id is null as silent,
    meter,{{ matching_groups('meter in (' ~ quoted(cached_meters()) ~ ')') }},
    charge_day, case when charge_day is null then charge_month end as charge_month,
    abs(cost_nanos) as amount, {{ sign_of('cost_nanos') }} as sign,
    {{ whole }} as whole, {{ whole }} as remaining, cast(0 as int64) as done
from {{ ref('int_bill_cells') }}
where destination = '(matching)' and quantity is {{ 'not ' if phase == 'quantity' }}null
{% endmacro %}

{% macro matching_usage_state() %}
select
    usage_cell_id, cell_order, other_order, second_order, depth,
    depth >= 2 and billing_account_id is null as silent,{{ matching_groups('cache_blind', 'account_of_project') }},
    charge_day, other_day, second_other_day, {{ month_of('charge_day') }} as charge_month,
    1 + case when estimated then 4 else 0 end + case when cache_blind then 2 else 0 end
        + case when other_day_flag is null then 0 else 1 end as turn,
    expected_price, scale_factor, quantity as remaining
from {{ ref('int_usage_cells') }}
where model is not null
{% endmacro %}

{# equal cells have equal groups; in stage cache equal but for meter and TTL #}
{% macro matching_groups(cached, account_of_project='billing_account_id') -%}
  {%- set told, told_of_cache = ['source', 'model', 'meter'], ['source', 'model'] -%}
  {%- for dimension in price_dimensions() -%}
    {%- do told.append('told_' ~ dimension) -%}
    {%- if dimension != 'cache_ttl' %}{% do told_of_cache.append('told_' ~ dimension) %}{% endif -%}
  {%- endfor -%}
  {{ group_keys('group', told, account_of_project=account_of_project) }},
  {{ group_keys('cache_group', told_of_cache, cached, account_of_project) }}
{%- endmacro %}

{# the cells of one side that can still meet in a stage #}
{% macro matching_left(side, stage) -%}
remaining > 0 and {{ stage[side ~ '_time'] }} is not null and {{ stage.groups }}_0 is not null{% if side == 'bill' and stage.meter %}
    and meter = '{{ stage.meter }}'{% endif %}
{%- endmacro %}

{# which steps of a stage can move anything: the turns of a pass whose two sides still have cells of one group, in one question #}
{% macro matching_present(bill, usage, stage) %}
{%- for pass in matching_passes() %}
{%- set group = stage.groups ~ '_' ~ (0 if pass.silent else pass.meet) %}
select distinct {{ pass.pass }} as pass, used.turn,
    {{ {'bill': 'billed.silent', 'usage': 'used.silent'}.get(pass.silent, 'false') }} as silent
from (
    select distinct {{ group }} as met_on, {{ stage.bill_time }} as met_at, silent
    from {{ bill }}
    where {{ matching_left('bill', stage) }} and depth in ({{ pass.bill | join(', ') }})
) as billed
join (
    select distinct {{ group }} as met_on, {{ stage.usage_time }} as met_at, turn, silent
    from {{ usage }}
    where {{ matching_left('usage', stage) }} and depth in ({{ pass.usage | join(', ') }})
) as used on billed.met_on = used.met_on and billed.met_at = used.met_at
{{ 'union all' if not loop.last }}
{%- endfor %}
{% endmacro %}

{#
  In which ways the cells of a pass meet, one after the other. A silent cell joins the only account it can meet; where it can meet
  several, each account's own cells meet first, and then what is silent meets what is left of all of them, since two accounts never match.
#}
{% macro matching_ways(pass, silent_present) %}
  {%- set ways = [{'group': pass.meet}] -%}
  {%- if silent_present %}{% do ways.append({'group': 0, 'silent': pass.silent}) %}{% endif -%}
  {{ return(ways) }}
{% endmacro %}

{# gives silent cells the group of the only account they can meet in this pass, null where there are several #}
{% macro matching_join_only_account(bill, usage, stage, pass) %}
{%- set tables = {'bill': bill, 'usage': usage} -%}
update {{ tables[pass.silent] }} as cell set {{ stage.groups }}_1 = other.account_group
from (
    select {{ stage.groups }}_0 as met_on, {{ stage[pass.telling ~ '_time'] }} as met_at,
        case when count(distinct {{ stage.groups }}_1) = 1 then min({{ stage.groups }}_1) end as account_group
    from {{ tables[pass.telling] }}
    where {{ matching_left(pass.telling, stage) }} and depth in ({{ pass[pass.telling] | join(', ') }})
    group by {{ stage.groups }}_0, {{ stage[pass.telling ~ '_time'] }}
) as other
where cell.silent and cell.{{ stage.groups }}_0 = other.met_on and cell.{{ stage[pass.silent ~ '_time'] }} = other.met_at
{% endmacro %}

{# what flows in one turn of one pass: one row per bill cell that gives and usage cell that receives #}
{% macro matching_flow(bill, usage, phase, stage, pass, way, turn) %}
{%- set group = stage.groups ~ '_' ~ way.group %}
with bill_cells as (

    select
        bill_cell_id, cell_order, {{ group }} as met_on, {{ stage.bill_time }} as met_at, amount, sign, whole, remaining, done,
        {{ running('remaining', group ~ ', ' ~ stage.bill_time, 'cell_order') }} as high,
        cast(sum(remaining) over (partition by {{ group }}, {{ stage.bill_time }}) as int64) as side_remaining
    from {{ bill }}
    where {{ matching_left('bill', stage) }} and depth in ({{ pass.bill | join(', ') }})
        and {{ group }} is not null{{ ' and silent' if way.silent == 'bill' }}

),

usage_cells as (

    select
        usage_cell_id, {{ stage.usage_order }} as cell_order, {{ group }} as met_on, {{ stage.usage_time }} as met_at, expected_price,
        scale_factor, remaining,
        {{ running('remaining', group ~ ', ' ~ stage.usage_time, stage.usage_order) }} as high,
        cast(sum(remaining) over (partition by {{ group }}, {{ stage.usage_time }}) as int64) as side_remaining
    from {{ usage }}
    where {{ matching_left('usage', stage) }} and depth in ({{ pass.usage | join(', ') }}) and turn = {{ turn }}
        and {{ group }} is not null{{ ' and silent' if way.silent == 'usage' }}

),

-- T = min(Σ bill left, Σ usage left)
met as (

    select bill_side.met_on, bill_side.met_at, bill_side.bill_remaining, usage_side.usage_remaining,
        least(bill_side.bill_remaining, usage_side.usage_remaining) as flow
    from (select distinct met_on, met_at, side_remaining as bill_remaining from bill_cells) as bill_side
    join (select distinct met_on, met_at, side_remaining as usage_remaining from usage_cells) as usage_side
        on bill_side.met_on = usage_side.met_on and bill_side.met_at = usage_side.met_at

),

bill_rates as (

    select bill_cells.*, met.flow, {{ unit_price('met.flow', 'met.bill_remaining', 't') }}
    from bill_cells join met on bill_cells.met_on = met.met_on and bill_cells.met_at = met.met_at

),

bill_gives as (

    select *, {{ carved('high - remaining', 'high', 'flow', 't') }} as given from bill_rates

),

bill_prices as (

    select *, {{ unit_price('amount', 'whole', 'c') }} from bill_gives where given > 0

),

bill_money as (

    select bill_cell_id, cell_order, met_on, met_at, flow, given, sign, {{ carved('done', 'done + given', 'amount', 'c') }} as money
    from bill_prices

),

usage_rates as (

    select usage_cells.*, met.flow, {{ unit_price('met.flow', 'met.usage_remaining', 'm') }}
    from usage_cells join met on usage_cells.met_on = met.met_on and usage_cells.met_at = met.met_at

),

usage_takes as (

    select *, {{ carved('high - remaining', 'high', 'flow', 'm') }} as taken from usage_rates

),

usage_weights as (

    select
        *,
        {% if phase == 'quantity' -%}
        case
            when count(expected_price) over (partition by met_on, met_at) = count(*) over (partition by met_on, met_at)
                then greatest(1, {{ micro_value('taken', 'scale_factor', 'expected_price') }})
            else taken
        end
        {%- else %}taken{% endif %} as weight
    from usage_takes
    where taken > 0

),

usage_shares as (

    select
        usage_cell_id, cell_order, met_on, met_at, flow, taken, weight,
        {{ running('weight', 'met_on, met_at', 'cell_order') }} as weight_high,
        cast(sum(weight) over (partition by met_on, met_at) as int64) as weight_whole,
        {{ running('taken', 'met_on, met_at', 'cell_order') }} as taken_high
    from usage_weights

),

pairs as (

    select
        bill_money.bill_cell_id, usage_shares.usage_cell_id, bill_money.given as bill_given, usage_shares.taken, bill_money.money,
        bill_money.sign,
        usage_shares.weight, usage_shares.weight_high, usage_shares.taken_high,
        row_number() over (partition by usage_shares.usage_cell_id order by bill_money.cell_order) as giver,
        {{ unit_price('bill_money.money', 'usage_shares.weight_whole', 's') }},
        {{ unit_price('bill_money.given', 'usage_shares.flow', 'g') }}
    from bill_money
    join usage_shares on bill_money.met_on = usage_shares.met_on and bill_money.met_at = usage_shares.met_at

)

select
    '{{ phase }}' as phase, '{{ stage.stage }}' as stage, '{{ stage.met_by }}' as met_by, cast({{ pass.pass }} as int64) as pass,
    cast({{ turn }} as int64) as turn,
    bill_cell_id, usage_cell_id, bill_given,
    {{ carved('taken_high - taken', 'taken_high', 'bill_given', 'g') }} as quantity,
    case when giver = 1 then taken else 0 end as usage_taken,
    sign * {{ carved('weight_high - weight', 'weight_high', 'money', 's') }} as cost_nanos
from pairs
{% endmacro %}

{% macro matching_settle(bill, usage, step) %}
  {{ return([
    'update ' ~ bill ~ ' as cell set remaining = remaining - gave.given, done = done + gave.given'
      ~ ' from (select bill_cell_id, max(bill_given) as given from ' ~ step
      ~ ' group by bill_cell_id) as gave where cell.bill_cell_id = gave.bill_cell_id',
    'update ' ~ usage ~ ' as cell set remaining = remaining - took.taken'
      ~ ' from (select usage_cell_id, cast(sum(usage_taken) as int64) as taken from ' ~ step
      ~ ' group by usage_cell_id) as took where cell.usage_cell_id = took.usage_cell_id',
  ]) }}
{% endmacro %}

{# R14 lets money stand for quantity: what is left of a usage is its expected cost in micro-units; unpriced usage takes no part #}
{% macro matching_usage_as_money(usage) %}
select * replace ({{ micro_value('remaining', 'scale_factor', 'expected_price') }} as remaining)
from {{ usage }}
where expected_price is not null and remaining > 0
{% endmacro %}

{% macro matching_flow_columns() -%}
  phase, stage, met_by, pass, turn, bill_cell_id, usage_cell_id, quantity, usage_taken, cost_nanos
{%- endmacro %}

{#
  Materialization: the model's own SQL is the empty flow table with its types; the passes append to it. A step runs only where both
  sides still have cells that can meet in it, so a company whose bills and telemetry know the same runs a handful of them.
#}
{% materialization matching, supported_languages=['sql'], default %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set bill = api.Relation.create(database=this.database, schema=this.schema, identifier=this.identifier ~ '__bill', type='table') -%}
  {%- set usage = api.Relation.create(database=this.database, schema=this.schema, identifier=this.identifier ~ '__usage', type='table') -%}
  {%- set step = api.Relation.create(database=this.database, schema=this.schema, identifier=this.identifier ~ '__step', type='table') -%}

  {{ run_hooks(pre_hooks) }}
  {% call statement('main') %}create or replace table {{ target_relation }} as ({{ sql }}){% endcall %}
  {% do run_query('create or replace table ' ~ usage ~ ' as (' ~ matching_usage_state() ~ ')') %}

  {% for phase in ['quantity', 'money'] %}
    {% do run_query('create or replace table ' ~ bill ~ ' as (' ~ matching_bill_state(phase) ~ ')') %}
    {% if phase == 'money' %}
      {% do run_query('create or replace table ' ~ step ~ ' as (' ~ matching_usage_as_money(usage) ~ ')') %}
      {% do run_query('create or replace table ' ~ usage ~ ' as (select * from ' ~ step ~ ')') %}
    {% endif %}
    {%- set cached = run_query('select (select count(cache_group_0) from ' ~ bill ~ '), (select count(cache_group_0) from ' ~ usage
        ~ ')').rows[0] -%}
    {% for stage in matching_stages() if stage.stage != 'cache' or cached[0] > 0 and cached[1] > 0 %}
      {%- set present = run_query(matching_present(bill, usage, stage)).rows -%}
      {% for pass in matching_passes() %}
        {%- set turns, silent = [], [] -%}
        {%- for row in present if row[0] | int == pass.pass %}{% do turns.append(row[1] | int) %}{% if row[2] %}{% do silent.append(row) %}
            {%- endif %}{% endfor -%}
        {% if silent %}{% do run_query(matching_join_only_account(bill, usage, stage, pass)) %}{% endif %}
        {% for way in matching_ways(pass, silent) %}{% for turn in turns | unique | sort %}
          {% do run_query('create or replace table ' ~ step ~ ' as (' ~ matching_flow(bill, usage, phase, stage, pass, way, turn) ~ ')') %}
          {% do run_query('insert into ' ~ target_relation ~ ' (' ~ matching_flow_columns() ~ ') select ' ~ matching_flow_columns()
              ~ ' from ' ~ step) %}
          {% for statement in matching_settle(bill, usage, step) %}{% do run_query(statement) %}{% endfor %}
        {% endfor %}{% endfor %}
      {% endfor %}
    {% endfor %}
  {% endfor %}

  {% for scratch in [bill, usage, step] %}{% do adapter.drop_relation(scratch) %}{% endfor %}
  {{ run_hooks(post_hooks) }}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
