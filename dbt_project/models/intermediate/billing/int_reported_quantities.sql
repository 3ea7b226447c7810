{{ config(materialized='ephemeral') }}
-- quantity of the bill cells whose lines state none, from the provider's own usage report (R10)
with reported as (

    select
        reports.source,
        coalesce(reports.billing_account_id, accounts.billing_account_id) as billing_account_id,
        coalesce(reports.sub_account_id, key_projects.sub_account_id) as sub_account_id,
        reports.api_key_id,
        names.model,
        reports.meter{% for dimension in price_dimensions() %},
        case when grain.tells_{{ dimension }}
            then coalesce(reports.{{ dimension }},
            {{ dimension_default(dimension) | replace('meter =', 'reports.meter =') }}) end as {{ dimension }}{% endfor %},
        reports.charge_day,
        reports.landing_id, reports.landing_line,
        cast({{ money('reports.quantity * coalesce(meters.scale_factor, 1)') }} as int64) as quantity
    from {{ ref('stg_billing__provider_usage') }} as reports
    left join {{ ref('meters') }} as meters on reports.meter = meters.meter
    left join {{ ref('int_source_grain') }} as grain on reports.source = grain.source
    left join {{ ref('int_key_projects') }} as key_projects on reports.source = key_projects.source
        and reports.api_key_id = key_projects.api_key_id
    left join {{ ref('int_project_accounts') }} as accounts
        on reports.source = accounts.source and coalesce(reports.sub_account_id, key_projects.sub_account_id) = accounts.sub_account_id
    left join {{ ref('stg_reference__model_names') }} as names on reports.source = names.source and reports.model = names.name

),

rows_of_report as (

    select *, row_number() over (order by source, landing_id, landing_line) as report_row from reported

),

-- a key of the bill: all told dimensions and the day, whatever the currency and billing period
keys as (

    select
        {{ listed(key_dimensions()) }}, charge_day, {{ depth() }} as depth,
        {{ key(key_dimensions() + ['charge_day']) }} as bill_day_key_id,
        {{ isum("case when part = 'quantity' then quantity else 0 end") }} as own_quantity,
        max(case when part = 'amount' then 1 else 0 end) as lacks_quantity
    from {{ ref('int_bill_cells__formed') }}
    where destination = '(matching)' and charge_day is not null
    group by {{ listed(key_dimensions()) }}, charge_day

),

-- a report row serves the deepest key that tells nothing the row does not
served as (

    select
        rows_of_report.report_row,
        rows_of_report.quantity,
        keys.bill_day_key_id,
        row_number() over (partition by rows_of_report.report_row order by keys.depth desc,
            {{ ordered(key_dimensions(), 'keys.') }}) as fit_rank
    from rows_of_report
    join keys
        on rows_of_report.source = keys.source and rows_of_report.charge_day = keys.charge_day
        and rows_of_report.model = keys.model and rows_of_report.meter = keys.meter
        {% for dimension in price_dimensions() %}and rows_of_report.{{ dimension }} is not distinct from keys.{{ dimension }}
        {% endfor %}and (keys.api_key_id is null or keys.api_key_id = rows_of_report.api_key_id)
        and (keys.sub_account_id is null or keys.sub_account_id = rows_of_report.sub_account_id)
        and (keys.billing_account_id is null or keys.billing_account_id = rows_of_report.billing_account_id
            or rows_of_report.billing_account_id is null)

),

remaining as (

    select keys.bill_day_key_id, {{ isum('served.quantity') }} - max(keys.own_quantity) as quantity
    from keys
    join served on keys.bill_day_key_id = served.bill_day_key_id and served.fit_rank = 1
    where keys.lacks_quantity = 1
    group by keys.bill_day_key_id
    having {{ isum('served.quantity') }} - max(keys.own_quantity) > 0

),

costs as (

    select bill_cell_id, {{ isum('cost_nanos') }} as cost_nanos from {{ ref('int_cell_charges') }} group by bill_cell_id

),

weighted as (

    select
        cells.bill_cell_id,
        remaining.bill_day_key_id,
        remaining.quantity as amount,
        cells.cell_order,
        case
            when costs.cost_nanos > 0 then greatest(1, {{ idiv('costs.cost_nanos', '1000') }})
            when costs.cost_nanos = 0 and count(*) over (partition by remaining.bill_day_key_id) = 1 then 1
            else 0
        end as weight
    from (select *, {{ key(key_dimensions() + ['charge_day']) }} as bill_day_key_id from {{ ref('int_bill_cells__formed') }}) as cells
    join remaining on cells.bill_day_key_id = remaining.bill_day_key_id
    join costs on cells.bill_cell_id = costs.bill_cell_id
    where cells.destination = '(matching)' and cells.part = 'amount'

),

final as (

    select bill_cell_id, share as quantity from {{ carved_by_weight('weighted', 'bill_day_key_id', 'cell_order') }} as shares

)

select * from final where quantity > 0
