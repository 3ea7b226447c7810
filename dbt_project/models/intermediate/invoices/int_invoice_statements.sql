-- grain: bill × currency × what is compared as one: the invoice whose number the export tells, else all of a billing period that no
-- number joins. Invoice against export is the only place with a tolerance (R20). An open invoice is shown beside them and compared with
-- nothing until it is issued (D59)
with charged as (

    select
        source, billing_currency, billing_period_start, invoice_id, count(*) as export_rows,
        sum(case when charge_category = 'Tax' then 1 else 0 end) as tax_rows,
        sum(case when billed_cost is null then 1 else 0 end) as unrated_rows,
        -- the exact sum of what the bill wrote, in 10^-27
        {{ wide(nanos(money('sum(original_billed_cost)'))) }} * 1000000000000000000 + sum({{ wide('billed_cost_residual') }}) as total,
        {{ money('sum(billed_cost)') }} as allocated_cost
    from {{ ref('int_charges') }}
    group by source, billing_currency, billing_period_start, invoice_id

),

exports as (

    select
        *,
        {{ from_nanos(converted(idiv('total', '1000000000000000000'),
            '(total - ' ~ idiv('total', '1000000000000000000') ~ ' * 1000000000000000000)', '1000000000', sign_of('total'))) }}
            as export_cost
    from charged

),

invoices as (

    select * from {{ ref('int_invoices') }} where status <> 'voided'

),

-- an invoice and its export may name another period each: their number is surer. What the export has no number of, such as a credit note
-- or a reissue, goes with the invoice it refers to
numbers as (

    select distinct exports.source, exports.billing_currency, exports.invoice_id
    from exports
    join invoices on exports.source = invoices.source and exports.billing_currency = invoices.billing_currency
        and exports.invoice_id in (invoices.invoice_id, invoices.reference_invoice_id)

),

sides as (

    select
        invoices.source, invoices.billing_currency, invoices.billing_period_start,
        coalesce(numbers.invoice_id, referred.invoice_id) as number,
        case when invoices.status = 'issued' then invoices.invoice_id end as invoice_id,
        case when invoices.status = 'issued' then 1 else 0 end as invoices,
        case when invoices.status = 'open' then 1 else 0 end as open_invoices,
        case when invoices.status = 'issued' and invoices.reference_invoice_id is null and invoices.total_cost > 0 then 1 else 0 end
            as demands,
        case when invoices.status = 'issued' then invoices.total_cost end as total_cost,
        case when invoices.status = 'issued' then invoices.tax_cost end as tax_cost,
        0 as export_rows, 0 as tax_rows, 0 as unrated_rows, {{ money('null') }} as export_cost, {{ money('null') }} as allocated_cost
    from invoices
    left join numbers on invoices.source = numbers.source and invoices.billing_currency = numbers.billing_currency
        and invoices.invoice_id = numbers.invoice_id
    left join numbers as referred on invoices.source = referred.source and invoices.billing_currency = referred.billing_currency
        and invoices.reference_invoice_id = referred.invoice_id

    union all

    select
        exports.source, exports.billing_currency, exports.billing_period_start, numbers.invoice_id,
        cast(null as string), 0, 0, 0, {{ money('null') }}, {{ money('null') }},
        exports.export_rows, exports.tax_rows, exports.unrated_rows, exports.export_cost, exports.allocated_cost
    from exports
    left join numbers on exports.source = numbers.source and exports.billing_currency = numbers.billing_currency
        and exports.invoice_id = numbers.invoice_id

),

-- of what a number joins the invoice says the period, where both tell one
compared as (

    select
        source, billing_currency, coalesce(number, {{ text('billing_period_start') }}) as statement,
        coalesce(min(case when invoices + open_invoices > 0 then billing_period_start end), min(billing_period_start))
            as billing_period_start,
        max(number) as number, string_agg(invoice_id, ' ' order by invoice_id) as invoice_ids,
        {{ isum('invoices') }} as invoices, {{ isum('open_invoices') }} as open_invoices, {{ isum('demands') }} as demands,
        -- with an invoice of unknown amount the sum is unknown, too
        case when count(total_cost) = {{ isum('invoices') }} then {{ money('sum(total_cost)') }} end as total_cost,
        {{ money('sum(tax_cost)') }} as tax_cost, {{ isum('export_rows') }} as export_rows,
        {{ isum('tax_rows') }} as tax_rows, {{ isum('unrated_rows') }} as unrated_rows,
        {{ money('sum(export_cost)') }} as export_cost, {{ money('sum(allocated_cost)') }} as allocated_cost
    from sides
    group by source, billing_currency, coalesce(number, {{ text('billing_period_start') }})

),

-- an export without lines of tax is compared with what is invoiced before it
differences as (

    select
        *, case when tax_rows > 0 then total_cost else {{ money('total_cost - coalesce(tax_cost, 0)') }} end as invoiced_cost,
        case when tax_rows > 0 then total_cost else {{ money('total_cost - coalesce(tax_cost, 0)') }} end - export_cost as difference,
        {{ invoice_tolerance('export_rows', 'billing_currency') }} as tolerance
    from compared

),

judged as (

    select *, coalesce(abs(difference) <= tolerance, false) as is_within from differences

),

-- what is beyond tolerance is a break of its own, and says nothing of which way the others lean
leaning as (

    select
        *,
        sum(case when is_within then difference end) over (partition by source, billing_currency order by billing_period_start, statement
            rows between unbounded preceding and current row) as cumulative_difference,
        sum(case when is_within then export_rows end) over (partition by source, billing_currency
            order by billing_period_start, statement rows between unbounded preceding and current row) as cumulative_rows
    from judged

),

final as (

    select
        {{ key(['source', 'billing_currency', 'statement']) }} as invoice_reconciliation_id,
        source, billing_period_start, billing_currency, number, invoice_ids, invoices, open_invoices, demands,
        total_cost, tax_cost, invoiced_cost, export_cost, export_rows, allocated_cost, unrated_rows,
        {{ money('difference') }} as difference, tolerance,
        case
            when difference is null then 'not_run'
            when difference = 0 then 'equal'
            when is_within then 'within_tolerance'
            else 'beyond_tolerance'
        end as status,
        case when is_within then {{ money('cumulative_difference') }} end as cumulative_difference,
        case when is_within then {{ invoice_tolerance('cumulative_rows', 'billing_currency') }} end as cumulative_tolerance
    from leaning

)

select * from final
