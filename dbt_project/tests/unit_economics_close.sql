-- what is decided with sums to what was billed: unit costs and the waste ledger to the events, margins of features to those of tenants,
-- classes of cost to the waterfall, usage to what calls received
{% set zero = money("'0'") %}
{% set pairs = {
    'fct_outcome_day: event_cost': [ref('fct_outcome_day'), 'event_cost', 'true', ref('fct_cost_per_outcome'), 'reconciled_cost', 'true'],
    'fct_outcome_day: accrued_cost': [ref('fct_outcome_day'), 'accrued_cost', 'true', ref('fct_cost_per_outcome'), 'accrued_cost', 'true'],
    'fct_outcome_day: waste_cost': [ref('fct_outcome_day'), 'waste_cost', 'true', ref('fct_cost_per_outcome'), 'waste_cost', 'true'],
    'rpt_unit_costs: event_cost': [ref('rpt_unit_costs'), 'event_cost', "slice = 'all'", ref('fct_outcome_day'), 'event_cost',
        'production'],
    'rpt_unit_costs_week: event_cost': [ref('rpt_unit_costs_week'), 'event_cost', "slice = 'feature'", ref('fct_outcome_day'), 'event_cost',
        'production'],
    'rpt_unit_costs_day: event_cost': [ref('rpt_unit_costs_day'), 'event_cost', "slice = 'environment'", ref('fct_outcome_day'),
        'event_cost', 'true'],
    'rpt_waste: waste_cost': [ref('rpt_waste'), 'waste_cost', 'true', ref('fct_cost_per_outcome'), 'waste_cost', 'true'],
    'rpt_cost_classes: reconciled_cost': [ref('rpt_cost_classes'), 'reconciled_cost', 'true', ref('rpt_invoice_waterfall'), 'cost',
        "section = 'destination'"],
    'fct_usage_cost: reconciled_cost': [ref('fct_usage_cost'), 'reconciled_cost', 'true', ref('int_call_costs'),
        from_nanos('cost_nanos'), 'true'],
    'fct_feature_margin: direct_cost': [ref('fct_feature_margin'), 'direct_cost', 'true', ref('fct_tenant_margin'), 'direct_cost', 'true'],
    'fct_feature_margin: shared_cost': [ref('fct_feature_margin'), 'shared_cost', 'true', ref('fct_tenant_margin'), 'shared_cost', 'true'],
    'fct_feature_margin: revenue': [ref('fct_feature_margin'), 'revenue', 'true', ref('fct_tenant_margin'), 'revenue', 'true'],
    'fct_feature_margin: revenue by pricing': [ref('fct_feature_margin'),
        'seat_revenue + usage_revenue + overage_revenue + outcome_revenue + bundle_revenue + other_revenue', 'revenue_complete',
        ref('fct_feature_margin'), 'revenue', 'revenue_complete'],
    'rpt_margin_trend: shared_cost': [ref('rpt_margin_trend'), 'shared_cost', 'true', ref('fct_tenant_margin'), 'shared_cost', 'true'],
} %}
with sums as (
    {% for what, (table, amount, filter, other_table, other_amount, other_filter) in pairs.items() %}
    select '{{ what }}' as what,
        (select coalesce(sum({{ amount }}), {{ zero }}) from {{ table }} where {{ filter }}) as found,
        (select coalesce(sum({{ other_amount }}), {{ zero }}) from {{ other_table }} where {{ other_filter }}) as expected
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select what, {{ text('expected') }} as expected, {{ text('found') }} as found from sums where found <> expected
