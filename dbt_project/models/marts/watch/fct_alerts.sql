{{ config(tags=['watch'] if is_watch() else []) }}
-- grain: alert. In the store of the hourly watch what telemetry shows, in the finance tables what the bill does: one table, since whoever
-- looks for alerts should not have to know who found them
select * from {{ ref('int_alerts__estimated') if is_watch() else ref('int_alerts__billed') }}
