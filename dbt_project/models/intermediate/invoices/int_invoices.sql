-- grain: bill × invoice × billing period and currency, of which nearly every invoice has one: what is to be paid. Of an invoice that
-- several deliveries tell the one told last counts, so a later file may void it (R33)
with told as (

    select details.*, deliveries.place,
        max(deliveries.place) over (partition by details.source, details.invoice_id) as last_place
    from {{ ref('stg_invoices__details') }} as details
    join {{ ref('stg_invoices__deliveries') }} as deliveries on details.landing_id = deliveries.landing_id

),

summed as (

    select
        source, invoice_id, billing_period_start, billing_currency,
        min(invoice_source) as invoice_source, min(billing_account_id) as billing_account_id,
        min(invoice_issuer_name) as invoice_issuer_name, min(reference_invoice_id) as reference_invoice_id,
        -- where its lines disagree, the state in which the least is owed
        case
            when max(case when invoice_issue_status = 'voided' then 1 else 0 end) = 1 then 'voided'
            when max(case when invoice_issue_status = 'open' then 1 else 0 end) = 1 then 'open'
            else 'issued'
        end as status,
        min(invoice_issue_date) as issued_on, max(payment_due_date) as due_on,
        count(billed_cost) as lines, {{ money('sum(billed_cost)') }} as lines_cost,
        case when count(billed_cost) > 0 then {{ money("coalesce(sum(case when charge_category = 'Tax' then billed_cost end), 0)") }} end
            as tax_cost,
        max(invoice_total) as told_total, min(invoice_total) as least_total
    from told
    where place = last_place
    group by source, invoice_id, billing_period_start, billing_currency

),

whole as (

    select
        *, count(*) over (partition by source, invoice_id, billing_currency) as parts,
        min(lines) over (partition by source, invoice_id, billing_currency) as fewest_lines,
        sum(lines_cost) over (partition by source, invoice_id, billing_currency) as whole_cost,
        max(told_total) over (partition by source, invoice_id, billing_currency) as whole_total,
        min(least_total) over (partition by source, invoice_id, billing_currency) as whole_least_total
    from summed

),

final as (

    select
        {{ key(['source', 'invoice_id', 'billing_period_start', 'billing_currency']) }} as invoice_part_id,
        source, invoice_id, billing_period_start, billing_currency, invoice_source, billing_account_id, invoice_issuer_name,
        reference_invoice_id, status, issued_on, due_on, lines, lines_cost, tax_cost, told_total,
        -- a total that stands over several periods says nothing of one of them, which without lines is unknown
        case when parts = 1 then coalesce(told_total, lines_cost) else lines_cost end as total_cost,
        -- what the total says beyond its own lines; of two totals that one invoice tells, what they differ by
        case
            when whole_total <> whole_least_total then {{ money('whole_total - whole_least_total') }}
            when fewest_lines > 0 then {{ money('whole_total - whole_cost') }}
        end as total_difference
    from whole

)

select * from final
