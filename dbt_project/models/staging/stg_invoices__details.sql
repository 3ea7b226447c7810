select
    source as invoice_source, landing_id, landing_line, bill as source, billing_account_id, invoice_id, invoice_issuer_name,
    invoice_issue_status, invoice_issue_date, payment_due_date, reference_invoice_id, billing_period_start, billing_currency,
    charge_category, billed_cost, invoice_total
from {{ source('lake', 'invoice_details') }}
