-- grain: key and day (int_cell_keys), in nanos: billed, expected, and what the difference is made of (R19). Every amount is told once,
-- with the component it belongs to, and then they are summed
{% set components = variance_components() %}
with keys as (

    select * from {{ ref('int_cell_keys') }}

),

flows as (

    select flows.*, bill_keys.reconciliation_id as bill_key, usage_keys.reconciliation_id as usage_key
    from {{ ref('int_flow_values') }} as flows
    join keys as bill_keys on bill_keys.side = 'bill' and flows.bill_cell_id = bill_keys.cell_id
    join keys as usage_keys on usage_keys.side = 'usage' and flows.usage_cell_id = usage_keys.cell_id

),

-- what is billed, and where of it no usage took part
bill_cells as (

    select keys.reconciliation_id, cells.bill_cell_id, cells.cost_nanos, cells.in_matching, destinations.variance_component
    from {{ ref('int_bill_cells') }} as cells
    join keys on keys.side = 'bill' and cells.bill_cell_id = keys.cell_id
    left join {{ ref('destinations') }} as destinations on cells.destination = destinations.destination
    where cells.in_matching or destinations.variance_component <> 'none'

),

corrections as (

    select keys.reconciliation_id, corrections.cost_nanos
    from {{ ref('int_corrections') }} as corrections
    join keys on keys.side = 'bill' and corrections.original_cell_id = keys.cell_id
    where corrections.treatment = 'carried'

),

-- of two lines that are one (R33), the one no usage claimed: by it the bill is too high
unclaimed as (

    select charges.charge_id, cells.bill_cell_id, charges.cost_nanos, rests.cost_nanos as rest_nanos
    from {{ ref('int_cell_charges') }} as charges
    join bill_cells as cells on charges.bill_cell_id = cells.bill_cell_id and cells.in_matching
    join {{ ref('int_bill_cell_rests') }} as rests on cells.bill_cell_id = rests.bill_cell_id and rests.destination = 'no_telemetry'
    where charges.part = 'line'

),

duplicates as (

    select bill_cells.reconciliation_id, least({{ isum('surplus.cost_nanos') }}, max(surplus.rest_nanos)) as nanos
    from (
        select
            coalesce(again.bill_cell_id, first_told.bill_cell_id) as bill_cell_id,
            coalesce(again.cost_nanos, first_told.cost_nanos) as cost_nanos, coalesce(again.rest_nanos, first_told.rest_nanos) as rest_nanos
        from {{ ref('int_charges__counted_twice') }} as pairs
        left join unclaimed as again on pairs.charge_id = again.charge_id
        left join unclaimed as first_told on pairs.first_charge_id = first_told.charge_id
    ) as surplus
    join bill_cells on surplus.bill_cell_id = bill_cells.bill_cell_id
    group by bill_cells.reconciliation_id, surplus.bill_cell_id

),

usage_cells as (

    select keys.reconciliation_id, cells.expected_nanos, rests.component, rests.left_nanos, rests.unpaid_micros, rests.paid_as_cache
    from {{ ref('int_usage_cells') }} as cells
    join keys on keys.side = 'usage' and cells.usage_cell_id = keys.cell_id
    join {{ ref('int_usage_rests') }} as rests on cells.usage_cell_id = rests.usage_cell_id

),

parts as (

    select reconciliation_id, 'billed' as part, cost_nanos as nanos from bill_cells
    union all
    select reconciliation_id, 'billed_in_matching', cost_nanos from bill_cells where in_matching
    union all
    select reconciliation_id, variance_component, cost_nanos from bill_cells where not in_matching
    union all
    select bill_cells.reconciliation_id, destinations.variance_component, rests.cost_nanos
    from bill_cells
    join {{ ref('int_bill_cell_rests') }} as rests on bill_cells.bill_cell_id = rests.bill_cell_id
    join {{ ref('destinations') }} as destinations on rests.destination = destinations.destination
    where bill_cells.in_matching

    -- what two sources both count is no missing telemetry
    union all
    select reconciliation_id, 'duplicate', nanos from duplicates
    union all
    select reconciliation_id, 'missing_telemetry', -nanos from duplicates

    -- a correction whose original lies in another period (R15)
    {% for part in ['billed', 'billed_in_matching', 'credit'] %}
    union all
    select reconciliation_id, '{{ part }}', cost_nanos from corrections
    {% endfor %}

    union all
    select reconciliation_id, 'expected', coalesce(expected_nanos, 0) from usage_cells

    -- cached tokens of the bill met input that does not tell the cache apart
    union all
    select bill_key, 'cache_semantics', cost_nanos from flows where stage = 'cache'
    union all
    select usage_key, 'cache_semantics', -coalesce(expected_nanos, 0) from flows where stage = 'cache'

    -- money that went to another day, or to a day from a month
    union all
    select bill_key, 'timing', cost_nanos from flows where stage <> 'cache' and bill_key <> usage_key
    union all
    select usage_key, 'timing', -cost_nanos from flows where stage <> 'cache' and bill_key <> usage_key

    -- what was paid, against what it was expected to cost
    union all
    select usage_key, 'unpriced', cost_nanos from flows where stage <> 'cache' and expected_price is null
    {% for part, nanos in [('credit', 'cost_nanos - own_nanos'), ('fx', 'fx_nanos'), ('price', 'own_nanos - fx_nanos - expected_nanos')] %}
    union all
    select usage_key, '{{ part }}', {{ nanos }} from flows where stage <> 'cache' and expected_price is not null
    {% endfor %}

    -- what nobody paid; of usage that received money without quantity the rest is a matter of price (R14)
    union all
    select reconciliation_id, component, -left_nanos from usage_cells where component is not null
    union all
    select reconciliation_id, case when paid_as_cache then 'cache_semantics' else 'price' end,
        -unpaid_micros * 1000 from usage_cells where unpaid_micros is not null
    union all
    select reconciliation_id, 'unpaid_as_cache', unpaid_micros * 1000 from usage_cells where paid_as_cache
    union all
    select reconciliation_id, 'rounding', unpaid_micros * 1000 - left_nanos from usage_cells where unpaid_micros is not null

),

summed as (

    select
        reconciliation_id{% for part in ['billed', 'billed_in_matching', 'expected', 'unpaid_as_cache'] + components %},
        {{ isum("case when part = '" ~ part ~ "' then nanos else 0 end") }} as {{ part }}{% endfor %}
    from parts
    group by reconciliation_id

),

-- usage of a key that no bill knows has no charge; beside a bill it has another quantity
said as (

    select summed.* replace (
        case when bills.reconciliation_id is null then summed.quantity else 0 end as missing_charge,
        case when bills.reconciliation_id is null then 0 else summed.quantity end as quantity
    )
    from summed
    left join (select distinct reconciliation_id from bill_cells) as bills on summed.reconciliation_id = bills.reconciliation_id

),

passes as (

    select reconciliation_id, max(pass) as last_pass
    from (
        select bill_key as reconciliation_id, pass from flows
        union all
        select usage_key, pass from flows
    ) as met
    group by reconciliation_id

),

dimensions as (

    select distinct reconciliation_id, {{ listed(reconciliation_dimensions()) }} from keys

),

final as (

    select
        said.reconciliation_id, {{ listed(reconciliation_dimensions(), 'dimensions.') }},
        said.billed, said.billed_in_matching, said.expected, said.unpaid_as_cache, {{ listed(components, 'said.') }},
        case greatest({% for component in components %}abs({{ component }}){{ ', ' if not loop.last }}{% endfor %})
            when 0 then 'none'{% for component in components %}
            when abs({{ component }}) then '{{ component }}'{% endfor %}
        end as class,
        cast(coalesce(passes.last_pass, 0) as int64) as last_pass
    from said
    join dimensions on said.reconciliation_id = dimensions.reconciliation_id
    left join passes on said.reconciliation_id = passes.reconciliation_id

)

select * from final
