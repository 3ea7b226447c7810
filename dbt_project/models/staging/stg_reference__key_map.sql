select
    source, api_key_id, sub_account_id, environment
from {{ source('reference', 'key_map') }}
