-- grain: kind × key × day: money at another price than expected, money no telemetry explains, and what cached tokens left of expected cost
-- (R19), once the bill of the day, or of the month, is final (D7)
{% set break_dimensions = ['source', 'billing_account_id', 'model', 'meter'] + price_dimensions() %}
with finality as (

    select source, max(finality_days) as finality_days from {{ ref('stg_reference__billing_sources') }} group by source

),

variances as (

    select
        variances.*,
        coalesce(variances.charge_day, variances.charge_month) as break_day,
        {{ wide('greatest(variances.expected, variances.billed_in_matching)') }} * {{ var('excess_ratio_millionths') }} as tolerated
            {%- for dimension in price_dimensions() %},
        variances.told_{{ dimension }} as {{ dimension }}{% endfor %}
    from {{ ref('int_variances') }} as variances
    left join finality on variances.source = finality.source
    where {{ days_between('coalesce(variances.charge_day, ' ~ add_days(month_of(add_days('variances.charge_month', 31)), -1) ~ ')',
        as_of_day()) }} >= 1 + coalesce(finality.finality_days, 0)

),

-- each difference of a key that is a break; a month-long line stands on the first of its month
found as (
    {% for kind in ['price', 'missing_telemetry'] %}
    select '{{ kind }}' as kind, {{ listed(break_dimensions) }}, break_day, {{ kind }} as nanos, reconciliation_id
    from variances
    where {{ kind }} <> 0 and {{ wide('abs(' ~ kind ~ ')') }} * 1000000 > tolerated

    union all
    {% endfor %}
    -- R14 gave input its money for cached tokens; a rest of expected cost is no other price
    select 'cache_semantics', {{ listed(break_dimensions) }}, break_day, -unpaid_as_cache, reconciliation_id
    from variances
    where unpaid_as_cache <> 0

),

final as (

    select
        kind, source, break_day as charge_day, {{ named(break_dimensions) }} as break_key, {{ money('null') }} as quantity,
        {{ from_nanos(isum('nanos')) }} as amount,
        cast(null as string) as note, max(reconciliation_id) as reconciliation_id
    from found
    group by kind, {{ listed(break_dimensions) }}, break_day

)

select * from final
