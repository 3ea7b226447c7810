-- the list of destinations is closed (R5)
select allocation.destination
from {{ ref('fct_allocation') }} as allocation
left join {{ ref('destinations') }} as destinations on allocation.destination = destinations.destination
where destinations.destination is null
