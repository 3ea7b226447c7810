-- grain: billing source, declared or billed
with declared as (

    select source, min(provider) as provider, max(default_account_id) as default_account_id, max(finality_days) as finality_days
    from {{ ref('stg_reference__billing_sources') }}
    group by source

),

billed as (

    select source, min(charge_period_start) as first_charge_at, max(charge_period_end) as last_charge_at, count(*) as charges
    from {{ ref('int_charges') }}
    group by source

),

final as (

    select
        coalesce(declared.source, billed.source) as source, declared.provider, declared.default_account_id,
        declared.finality_days, billed.first_charge_at, billed.last_charge_at, coalesce(billed.charges, 0) as charges
    from declared
    full outer join billed on declared.source = billed.source

)

select * from final
