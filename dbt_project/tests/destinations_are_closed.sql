-- the list of destinations is closed, and each destination is decided where the seed says: a line's before any telemetry is asked, what no
-- usage claimed by matching, a call's by the call (R5, R19)
with decided as (

    select 'line' as decided_by, destination from {{ ref('int_charges') }} where substr(destination, 1, 1) <> '('
    union distinct
    select 'call', {{ call_destination('costs') }} from {{ ref('int_call_costs') }} as costs
    union distinct
    select 'call', {{ call_destination('calls') }}
    from (
        select true as production, 'told' as event_id
        union all
        select true, null
        union all
        select false, 'told'
    ) as calls
    union distinct
    select 'matching', destination from {{ ref('int_bill_cells') }} where in_matching and destination <> '(matching)'

),

final as (

    select 'a destination stands in the seed, where it is decided' as invariant, decided.destination, decided.decided_by as found
    from decided
    left join {{ ref('destinations') }} as destinations on decided.destination = destinations.destination
        and decided.decided_by = destinations.decided_by
    where destinations.destination is null

    union all

    select 'what ended in a bucket has a destination of the seed', buckets.destination, buckets.source
    from {{ ref('int_bucket_shares') }} as buckets
    left join {{ ref('destinations') }} as destinations on buckets.destination = destinations.destination
    where destinations.destination is null

    union all

    select 'the component of the variance is one that is reckoned', destination, variance_component
    from {{ ref('destinations') }}
    where variance_component not in ('none', {{ quoted(variance_components()) }})

)

select * from final
