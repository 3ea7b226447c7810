{{ config(materialized='by_day', cluster_by=['event_id'],
    meta={'day': 'event_day', 'made_from': 'int_event_inputs', 'reads': 'int_event_reads'}) }}
-- depends_on: {{ ref('int_event_inputs') }} {{ ref('int_event_reads') }}
with final as (

    select
        {{ key(['costs.event_id', 'costs.charge_month', 'costs.production']) }} as event_cost_month_id,
        costs.event_id, homes.event_day, costs.charge_month, costs.production,
        {{ from_nanos('sum(costs.cost_nanos)') }} as reconciled_cost,
        {{ from_nanos('sum(costs.accrued_nanos)') }} as accrued_cost,
        '{{ var("reporting_currency") }}' as currency
    from {{ ref('int_call_costs') }} as costs
    join {{ ref('int_event_homes') }} as homes on costs.event_id = homes.event_id
    where {{ of_days('homes.event_day') }} and {{ of_read_days('costs.charge_day') }}
    group by costs.event_id, homes.event_day, costs.charge_month, costs.production

)

select * from final
