select
    charge_id, source, landing_id, landing_line, line_id, linked_line_ids, invoice_id,

    {{ listed(owner_dimensions() + ['model', 'meter'] + price_dimensions()) }},

    provider, service_name, sku_id, sku_meter, charge_category, charge_class, charge_description, reduction,
    commitment_discount_id, commitment_discount_status, invoice_issuer_name, tags,

    billing_currency, billed_cost, billed_cost_text, billed_cost_residual, effective_cost, effective_cost_text, effective_cost_residual,
    list_cost, contracted_cost,
    quantity, consumed_quantity, pricing_quantity,

    charge_period_start, charge_period_end, billing_period_start
from {{ source('lake', 'charges') }}
