{{ config(materialized='ephemeral') }}
-- grain: tenant × feature × month: coverage of the month (R28) over those billing sources alone that billed the row's calls, so that a
-- tenant on a well-covered source is told apart from another's gap
with amounts as (

    select
        allocated.source, allocated.charge_month as month, coalesce(allocated.tenant_id, '(unassigned)') as tenant_id,
        coalesce(allocated.feature_id, '(none)') as feature_id, allocated.target_kind, allocated.destination, allocated.exceeds_ratio,
        {{ nanos('allocated.reconciled_cost') }} as nanos
    from {{ ref('int_allocated') }} as allocated
    join {{ ref('destinations') }} as destinations on allocated.destination = destinations.destination and destinations.in_coverage

),

sources as (

    select
        source, month, {{ isum('nanos') }} as covered_nanos,
        {{ isum("case when destination = 'event' and not exceeds_ratio then nanos else 0 end") }} as attributed_nanos,
        {{ isum("case when destination in ('event', 'untagged') and not exceeds_ratio then nanos else 0 end") }} as reconciled_nanos
    from amounts
    group by source, month

),

billed as (

    select distinct tenant_id, feature_id, month, source from amounts where target_kind = 'call' and nanos <> 0

)

select
    billed.tenant_id, billed.feature_id, billed.month,
    {{ share(isum('sources.attributed_nanos'), isum('sources.covered_nanos')) }} as share_attributed,
    {{ share(isum('sources.reconciled_nanos'), isum('sources.covered_nanos')) }} as share_reconciled
from billed
join sources on billed.source = sources.source and billed.month = sources.month
group by billed.tenant_id, billed.feature_id, billed.month
