select
    environment, production
from {{ source('reference', 'environments') }}
