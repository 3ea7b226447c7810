select
    source, sub_account_id, billing_account_id, environment
from {{ source('reference', 'project_map') }}
