{{ config(materialized='view') }}
-- grain: one row. The last instant at which no more events are given up than at this one, if nothing is heard of any (R22)
select min(last_active_at + interval {{ var('abandoned_after_days') }} day) as given_up_after
from {{ ref('int_events') }}
where outcome is null and last_active_at + interval {{ var('abandoned_after_days') }} day >= cast('{{ as_of() }}' as timestamp)
