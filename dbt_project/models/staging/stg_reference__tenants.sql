select
    tenant_id, name, segment
from {{ source('reference', 'tenants') }}
