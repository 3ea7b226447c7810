-- grain: month × class × destination × environment: cost by the class that finance maps it to; all of it, so that it sums to the bills of
-- the months. Of the rows that fit the one that names an environment counts, then the one that names a destination
with told as (

    select charge_month as month, destination, environment, reconciled_cost, accrued_cost from {{ ref('int_allocated') }}
    union all
    -- the distance of rounded lines to the exact sum of the bill
    select billing_period_start, 'rounding', cast(null as string), rounding_cost, {{ money("'0'") }}
    from {{ ref('int_statements') }}
    where rounding_cost <> 0

),

amounts as (

    select month, destination, environment, sum(reconciled_cost) as reconciled_cost, sum(accrued_cost) as accrued_cost
    from told
    group by month, destination, environment

),

classes as (

    select environment, destination, cost_class from {{ ref('stg_reference__cost_classes') }}
    union all
    select cast(null as string), cast(null as string), '(unclassified)'

),

classed as (

    select
        amounts.*, classes.cost_class,
        row_number() over (
            partition by amounts.month, amounts.destination, amounts.environment
            order by case when classes.environment is null then 1 else 0 end, case when classes.destination is null then 1 else 0 end,
                case when classes.cost_class = '(unclassified)' then 1 else 0 end
        ) as fit
    from amounts
    join classes on (classes.environment is null or classes.environment = amounts.environment)
        and (classes.destination is null or classes.destination = amounts.destination)

)

select
    {{ key(['month', 'cost_class', 'destination', 'environment']) }} as cost_class_id,
    month, cost_class, destination, environment, {{ money('reconciled_cost') }} as reconciled_cost,
    {{ money('accrued_cost') }} as accrued_cost,
    '{{ var("reporting_currency") }}' as currency
from classed
where fit = 1 and (reconciled_cost <> 0 or accrued_cost <> 0)
