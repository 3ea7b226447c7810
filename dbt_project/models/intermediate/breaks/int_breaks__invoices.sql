-- grain: kind × key × month: invoices that their export does not bear out, or that do not bear themselves out (R20). Amounts are in the
-- invoice's own currency
with finality as (

    select source, max(finality_days) as finality_days from {{ ref('stg_reference__billing_sources') }} group by source

),

invoiced as (

    select distinct source from {{ ref('int_invoices') }}

),

compared as (

    select
        statements.*,
        case
            when statements.status = 'beyond_tolerance' and statements.difference > 0 and statements.demands > 1
                and statements.number is null then 'invoice_twice'
            when statements.status = 'beyond_tolerance' then 'invoice_difference'
            when abs(statements.cumulative_difference) > statements.cumulative_tolerance then 'invoice_bias'
            when statements.invoices > 0 and statements.export_rows = 0 and statements.invoiced_cost <> 0 then 'invoice_without_export'
            -- an invoice comes after its month: a week, and as long as its bill takes to be final. One that is still open then is missed,
            -- too: until it is issued nothing is held to what was exported
            when statements.invoices = 0 and invoiced.source is not null and statements.export_cost <> 0
                and {{ days_between(month_after('statements.billing_period_start'), as_of_day()) }}
                    >= 7 + coalesce(finality.finality_days, 0) then 'invoice_missing'
        end as kind
    from {{ ref('int_invoice_statements') }} as statements
    left join finality on statements.source = finality.source
    left join invoiced on statements.source = invoiced.source

),

final as (

    select
        kind, source, billing_period_start as charge_day,
        {{ named(['source', 'invoice_ids', 'billing_currency']) }} as break_key,
        {{ money('invoices') }} as quantity,
        case
            when kind = 'invoice_bias' then cumulative_difference
            when kind = 'invoice_missing' then export_cost
            when kind = 'invoice_without_export' then invoiced_cost
            else difference
        end as amount,
        case kind
            when 'invoice_bias'
                then 'invoices of the months up to this one lean one way: each within tolerance, together beyond it'
            when 'invoice_missing'
                then case when open_invoices > 0 then 'the export has the month and its invoice is still open: nothing is asked for yet'
                    else 'the export has the month and no invoice tells it' end
            when 'invoice_without_export' then 'invoiced, and no export has its month or its number'
            else concat('invoiced ', {{ text('invoiced_cost') }}, ', exported ', {{ text('export_cost') }}, ' in ',
                {{ text('export_rows') }}, ' lines; they may differ by ', {{ text('tolerance') }},
                case when open_invoices > 0 then concat('; still open and not counted: ', {{ text('open_invoices') }}) else '' end)
        end as note,
        cast(null as string) as reconciliation_id, billing_currency as currency
    from compared
    where kind is not null

    union all

    -- once, however many months an invoice has
    select
        'invoice_total', source, min(billing_period_start), {{ named(['source', 'invoice_id', 'billing_currency']) }},
        {{ money('sum(lines)') }}, max(total_difference),
        case
            when max(total_difference) is null then 'its total stands over several months, and no lines say what is of which'
            else 'what it says is to be paid is not what its lines make, or it says two totals'
        end,
        cast(null as string), billing_currency
    from {{ ref('int_invoices') }}
    where (total_difference <> 0 or total_cost is null) and status = 'issued'
    group by source, invoice_id, billing_currency

)

select * from final
