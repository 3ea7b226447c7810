select
    invoice_part_id, invoice_id, source, invoice_issuer_name, billing_account_id, reference_invoice_id, status, issued_on, due_on,
    billing_period_start, lines, lines_cost, tax_cost, told_total, total_cost, total_difference, invoice_source,
    billing_currency as currency
from {{ ref('int_invoices') }}
