-- grain: kind × key × day: calls that may be one, or of another event than the one they count for (R29). Of calls with one response id the
-- largest is taken for the one it names; the others are in doubt
with calls as (

    select
        *,
        case when identity_group is not null then concat('response_id=', identity_group) else concat('call_id=', call_id) end as named,
        row_number() over (partition by identity_group order by value_nanos desc, call_id) as size_rank,
        count(*) over (partition by identity_group) as calls_of_group
    from {{ ref('int_doubtful_calls') }}

),

largest as (

    select * from calls where identity_group is not null and size_rank = 1 and calls_of_group > 1

),

doubts as (

    select largest.source, largest.charge_day, largest.named, calls.value_nanos, calls.is_priced
    from largest
    join calls on largest.identity_group = calls.identity_group and calls.size_rank > 1

    union all

    select source, charge_day, named, value_nanos, is_priced from calls where names_two_events

),

final as (

    select
        'ambiguous_identity' as kind, source, charge_day, concat({{ named(['source']) }}, ' ', named) as break_key,
        {{ money('count(*)') }} as quantity, case when min(case when is_priced then 1 else 0 end) = 1
            then {{ from_nanos(isum('value_nanos')) }} end as amount,
        cast(null as string) as note, cast(null as string) as reconciliation_id
    from doubts
    group by source, charge_day, named

)

select * from final
