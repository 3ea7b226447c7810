-- the owners that bills, usage reports and calls name, each once per source
select source, billing_account_id, sub_account_id, api_key_id, true as on_bill
from {{ ref('stg_billing__charges') }}
union distinct
select source, billing_account_id, sub_account_id, api_key_id, false as on_bill
from {{ ref('stg_billing__provider_usage') }}
union distinct
select sources.source, calls.billing_account_id, calls.sub_account_id, calls.api_key_id, false as on_bill
from {{ ref('int_emitters') }} as calls
join {{ ref('int_call_sources') }} as sources
    on calls.provider is not distinct from sources.provider
    and calls.endpoint is not distinct from sources.endpoint
    and calls.billing_account_id is not distinct from sources.billing_account_id
where calls.billable
