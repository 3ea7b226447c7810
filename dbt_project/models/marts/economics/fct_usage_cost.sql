{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_share_inputs'}) }}
-- depends_on: {{ ref('int_share_inputs') }}
-- grain: day × what for (production, feature, prompt version) × what was used (source, model, meter, tier, batch, context band) × size of
-- it: what calls used and what the bill says it cost. Sizes are powers of four, so that a cap or an outlier shows without a row per call
{% set sizes = [256, 1024, 4096, 16384, 65536, 262144, 1048576] %}
{% set what_for = ['production', 'feature_id', 'prompt_version'] %}
{% set what_was_used = ['source', 'model', 'meter', 'service_tier', 'batch', 'context_band'] %}
{% set names = what_for + what_was_used + ['size_class'] %}
-- two numbers stand for all names, so that no name is grouped or hashed once per usage
with receipts as (

    select
        receipts.receipt, receipts.scale_factor, receipts.ended_day as charge_day, receipts.source, receipts.model, receipts.meter,
        cells.service_tier, cells.batch, cells.context_band,
        {{ fingerprint(['receipts.ended_day', 'receipts.source', 'receipts.model', 'receipts.meter', 'cells.service_tier', 'cells.batch',
            'cells.context_band']) }} as used,
        -- a usage paid for on several bills is counted with the first
        row_number() over (
            partition by receipts.cell order by receipts.billing_period_start, receipts.charge_month, receipts.billing_currency
        ) = 1 as counts
    from {{ ref('int_receipts') }} as receipts
    join {{ ref('int_usage_cells') }} as cells on receipts.cell = cells.cell and {{ of_days('cells.ended_day') }}
    where {{ of_days('receipts.ended_day') }}

),

contexts as (

    select charge_day, context, {{ listed(what_for) }}, {{ fingerprint(what_for) }} as purpose
    from {{ ref('int_call_contexts') }}
    where {{ of_days('charge_day') }}

),

uses as (

    select used, scale_factor, charge_day, {{ listed(what_was_used) }} from receipts group by used, scale_factor, charge_day,
        {{ listed(what_was_used) }}

),

purposes as (

    select purpose, {{ listed(what_for) }} from contexts group by purpose, {{ listed(what_for) }}

),

told as (

    select
        receipts.used, contexts.purpose, shares.cost_nanos, shares.accrued_nanos,
        cast(case {% for size in sizes | reverse %}when shares.quantity >= {{ size }} * receipts.scale_factor then {{ size }}
            {% endfor %}else 0 end as int64) as size_class,
        case when receipts.counts then shares.quantity end as quantity
    from {{ ref('int_call_shares') }} as shares
    join contexts on shares.charge_day = contexts.charge_day and shares.context = contexts.context
    -- every share has its receipt; an inner join would have DuckDB keep the shares in memory and not the calls
    left join receipts on shares.receipt = receipts.receipt
    where {{ of_days('shares.charge_day') }}

),

sums as (

    select
        used, purpose, size_class, count(quantity) as calls, coalesce(sum(quantity), 0) as quantity, min(quantity) as least_quantity,
        {{ isum('cost_nanos') }} as cost_nanos, {{ isum('accrued_nanos') }} as accrued_nanos
    from told
    group by used, purpose, size_class

),

named as (

    select uses.charge_day, uses.scale_factor, {{ listed(what_for, 'purposes.') }}, {{ listed(what_was_used, 'uses.') }}, sums.size_class,
        sums.calls, sums.quantity, sums.least_quantity, sums.cost_nanos, sums.accrued_nanos
    from sums
    join uses on sums.used = uses.used
    join purposes on sums.purpose = purposes.purpose

)

select
    {{ key(['charge_day'] + names) }} as usage_cost_id,
    charge_day, {{ listed(names) }},
    calls,
    {{ from_scaled('quantity', 'scale_factor') }} as quantity,
    {{ from_scaled('least_quantity', 'scale_factor') }} as least_quantity,
    {{ from_nanos('cost_nanos') }} as reconciled_cost,
    {{ from_nanos('accrued_nanos') }} as accrued_cost,
    '{{ var("reporting_currency") }}' as currency
from named
