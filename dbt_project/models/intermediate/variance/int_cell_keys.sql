-- grain: cell of bill or usage, with the key by which billed and expected cost are held against each other (R19, R25): the account filled
-- as in R8, the source's default last; where some cell that matching sees tells none even then, the keys equal in all else are one
{% set key_without_account = reconciliation_dimensions() | reject('equalto', 'billing_account_id') | list %}
with accounts as (

    select source, max(default_account_id) as default_account_id from {{ ref('stg_reference__billing_sources') }} group by source

),

cells as (

    select 'usage' as side, usage_cell_id as cell_id, true as in_matching,
        {{ listed(['source', 'billing_account_id', 'model', 'meter'] + told_dimensions()) }}, charge_day,
        {{ month_of('charge_day') }} as charge_month
    from {{ ref('int_usage_cells') }}
    union all
    select 'bill', bill_cell_id, in_matching, {{ listed(reconciliation_dimensions()) }} from {{ ref('int_bill_cells') }}

),

filled as (

    select cells.* replace (coalesce(cells.billing_account_id, accounts.default_account_id) as billing_account_id)
    from cells
    left join accounts on cells.source = accounts.source

),

keyed as (

    select
        * replace (
            case
                when max(case when in_matching and billing_account_id is null then 1
                    else 0 end) over (partition by {{ listed(key_without_account) }}) = 0
                    then billing_account_id
            end as billing_account_id
        )
    from filled

),

final as (

    select side, cell_id, {{ key(reconciliation_dimensions()) }} as reconciliation_id, {{ listed(reconciliation_dimensions()) }} from keyed

)

select * from final
