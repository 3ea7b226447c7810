{{ config(materialized='view') }}
-- grain: UTC day. A view of no table: every day that a bill, a call or revenue can be of, for what counts over time
with final as (

    select cast(calendar_day as date) as calendar_day
    from (select 1 as one) as whole
    {{ days_of("cast('2000-01-01' as date)", "cast('2200-01-01' as date)", 'calendar_day') }}

)

select * from final
