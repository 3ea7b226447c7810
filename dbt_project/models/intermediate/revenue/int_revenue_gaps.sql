{{ config(materialized='ephemeral') }}
-- grain: tenant × months in which revenue of it may be missing: any tenant, and without end, where what is missing does not say (R33)
with refused as (

    -- how long a line that cannot be read goes on is not known
    select records.tenant_id, {{ month_of('records.charge_day') }} as first_month, cast(null as date) as last_month
    from {{ ref('stg_telemetry__rejected_records') }} as records
    join {{ ref('stg_revenue__sources') }} as sources on records.telemetry_source = sources.revenue_source

    union all

    select cast(null as string), cast(null as date), cast(null as date)
    from {{ ref('stg_lake__rejections') }} as rejections
    join {{ ref('stg_revenue__sources') }} as sources on rejections.source = sources.revenue_source

),

-- in no sum: without a rate, or told otherwise later
uncounted as (

    select tenant_id, {{ month_of('service_period_start') }} as first_month,
        {{ month_of(add_days('service_period_end', -1)) }} as last_month
    from {{ ref('int_revenue_lines') }}
    where counts and not reversed and amount_nanos is null or differs

),

gaps as (

    select * from refused
    union all
    select * from uncounted

),

final as (

    select tenant_id, coalesce(first_month, date '0001-01-01') as first_month, coalesce(last_month, date '9999-12-01') as last_month
    from gaps
    group by 1, 2, 3

)

select * from final
