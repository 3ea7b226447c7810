-- invoice ↔ export ↔ allocated (R20); what is allocated is told to the last nano elsewhere (rpt_invoice_waterfall)
select
    invoice_reconciliation_id, source, billing_period_start, number as invoice_id, invoice_ids, invoices, open_invoices,
    invoiced_cost, tax_cost, export_cost, export_rows, difference, tolerance, status, cumulative_difference, cumulative_tolerance,
    cumulative_difference is not null and abs(cumulative_difference) > cumulative_tolerance as leans,
    allocated_cost, unrated_rows,
    case
        when status = 'not_run' then 'not_run'
        when unrated_rows > 0 then 'not_allocated'
        when status = 'beyond_tolerance' then 'not_invoiced_so'
        else 'reconciled'
    end as three_way_status,
    billing_currency, '{{ var("reporting_currency") }}' as currency
from {{ ref('int_invoice_statements') }}
