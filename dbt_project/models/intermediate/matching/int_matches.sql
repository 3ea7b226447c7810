{{ config(materialized='matching') }}
-- the shape of one flow; the passes of macros/matching.sql append the rows
-- depends_on: {{ ref('int_bill_cells') }} {{ ref('int_usage_cells') }}
select
    cast('' as string) as phase, cast('' as string) as stage, cast('' as string) as met_by, cast(0 as int64) as pass,
    cast(0 as int64) as turn,
    cast('' as string) as bill_cell_id, cast('' as string) as usage_cell_id,
    cast(0 as int64) as quantity, cast(0 as int64) as usage_taken, cast(0 as int64) as cost_nanos
limit 0
