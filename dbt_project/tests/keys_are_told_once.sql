-- no two rows of a table have one key, and none is without; of the tables of events and runs runs_and_events_are_told_once says it
{% set keys = {
    'bridge_match_group_charge': ['bridge_id'],
    'bridge_match_group_usage': ['bridge_id'],
    'dim_features': ['feature_id'],
    'dim_invoices': ['invoice_part_id'],
    'dim_match_groups': ['match_group_id'],
    'dim_models': ['source_model_id'],
    'dim_sources': ['source'],
    'dim_tenants': ['tenant_id'],
    'fct_breaks': ['break_id'],
    'fct_budget_status': ['budget_status_id'],
    'fct_completeness': ['completeness_id'],
    'fct_feature_margin': ['feature_margin_id'],
    'fct_feature_verdicts': ['feature_verdict_id'],
    'fct_invoice_reconciliation': ['invoice_reconciliation_id'],
    'fct_outcome_day': ['outcome_day_id'],
    'fct_prompt_version_impact': ['prompt_version_impact_id'],
    'fct_reconciliation': ['reconciliation_id'],
    'fct_savings': ['saving_id'],
    'fct_tenant_margin': ['tenant_margin_id'],
    'fct_usage_cost': ['usage_cost_id'],
    'int_alerts__billed': ['alert_id'],
    'int_bucket_shares': ['allocation_id'],
    'int_context_thresholds': ['day_emitter_id'],
    'int_doubtful_calls': ['call_id'],
    'int_placements': ['emitter'],
    'int_profiles': ['profile'],
    'int_receipts': ['receipt', 'receipt_id'],
    'int_revenue_lines': ['revenue_line_id'],
    'int_usage_cells': ['usage_cell_id', 'cell'],
    'int_usage_rests': ['usage_cell_id'],
    'int_variances': ['reconciliation_id'],
    'rpt_cost_classes': ['cost_class_id'],
    'rpt_invoice_waterfall': ['waterfall_id'],
    'rpt_margin_trend': ['margin_trend_id'],
    'rpt_model_comparison': ['model_comparison_id'],
    'rpt_outcome_maturity': ['outcome_maturity_id'],
    'rpt_outcome_reversals': ['event_id'],
    'rpt_route_entropy': ['route_entropy_id'],
    'rpt_run_signals': ['run_signal_id'],
    'rpt_unit_costs': ['unit_cost_id'],
    'rpt_weekly_review': ['weekly_review_id'],
    'rpt_unit_costs_day': ['unit_cost_day_id'],
    'rpt_unit_costs_week': ['unit_cost_week_id'],
    'rpt_waste': ['waste_id'],
} %}
{% for table, columns in keys.items() %}{% set last_table = loop.last %}{% for column in columns %}
select '{{ table }}' as relation, '{{ column }}' as key_column, {{ text(column) }} as value, count(*) as times
from {{ ref(table) }}
group by {{ column }}
having {{ column }} is null or count(*) > 1
{{ 'union all' if not (last_table and loop.last) }}
{%- endfor %}{% endfor %}
