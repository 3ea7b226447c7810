{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_share_inputs'}) }}
-- depends_on: {{ ref('int_share_inputs') }}
-- grain: day × what for (production, feature, prompt version) × what was used (source, model, meter, tier, batch, context band) × size of
-- it: what calls used and what the bill says it cost. Sizes are powers of four, so that a cap or an outlier shows without a row per call
{% set sizes = [256, 1024, 4096, 16384, 65536, 262144, 1048576] %}
{% set names = ['production', 'feature_id', 'prompt_version', 'source', 'model', 'meter', 'service_tier', 'batch', 'context_band',
    'size_class'] %}
with receipts as (

    -- a usage paid for on several bills is counted with the first
    select receipt, source, model, meter, scale_factor,
        row_number() over (partition by cell order by billing_period_start, charge_month, billing_currency) = 1 as counts
    from {{ ref('int_receipts') }}
    where {{ of_days('ended_day') }}

),

told as (

    select
        shares.charge_day, calls.production, calls.feature_id, calls.prompt_version, receipts.source, receipts.model, receipts.meter,
        calls.service_tier, calls.batch, calls.context_band, receipts.scale_factor,
        cast(case {% for size in sizes | reverse %}when shares.quantity >= {{ size }} * receipts.scale_factor then {{ size }}
            {% endfor %}else 0 end as int64) as size_class,
        case when receipts.counts then shares.quantity end as quantity, shares.cost_nanos, shares.accrued_nanos
    from {{ ref('int_call_shares') }} as shares
    join receipts on shares.receipt = receipts.receipt
    join {{ ref('int_calls') }} as calls on shares.call_high = calls.call_high and shares.call_low = calls.call_low
        and {{ of_days('calls.charge_day') }}
    where {{ of_days('shares.charge_day') }}

)

select
    {{ key(['charge_day'] + names) }} as usage_cost_id,
    charge_day, {{ listed(names) }},
    count(quantity) as calls,
    {{ from_scaled('coalesce(sum(quantity), 0)', 'max(scale_factor)') }} as quantity,
    {{ from_scaled('min(quantity)', 'max(scale_factor)') }} as least_quantity,
    {{ from_nanos(isum('cost_nanos')) }} as reconciled_cost,
    {{ from_nanos(isum('accrued_nanos')) }} as accrued_cost,
    '{{ var("reporting_currency") }}' as currency
from told
group by charge_day, {{ listed(names) }}
