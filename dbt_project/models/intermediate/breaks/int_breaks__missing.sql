-- grain: source × day: what a configured source was asked for and did not deliver, once a bill of that day would be final (R33, R34)
with finality as (

    select source, max(finality_days) as finality_days from {{ ref('stg_reference__billing_sources') }} group by source

),

final as (

    select
        'source_missing' as kind, days.source, days.charge_day, {{ named(['source'], 'days.') | replace("'days.", "'") }} as break_key,
        {{ money('null') }} as quantity, {{ money('null') }} as amount,
        'asked for, and nothing could be had; ask for the day again' as note, cast(null as string) as reconciliation_id
    from {{ ref('stg_lake__asked_days') }} as days
    left join finality on days.source = finality.source
    where not days.landed and not days.pulled_again
        and {{ days_between('days.charge_day', as_of_day()) }} >= 1 + coalesce(finality.finality_days, 0)

)

select * from final
