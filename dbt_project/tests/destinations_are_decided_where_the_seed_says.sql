-- a line's destination is decided before any telemetry is asked, a call's is told by the call, and each has its words in the seed (R5, R19)
with decided as (

    select 'line' as decided_by, destination from {{ ref('int_charges') }} where substr(destination, 1, 1) <> '('
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

)

select decided.destination, decided.decided_by
from decided
left join {{ ref('destinations') }} as destinations on decided.destination = destinations.destination
    and decided.decided_by = destinations.decided_by
where destinations.destination is null

union all

select destination, variance_component
from {{ ref('destinations') }}
where variance_component not in ('none'{% for component in variance_components() %}, '{{ component }}'{% endfor %})
