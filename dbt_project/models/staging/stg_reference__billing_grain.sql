select
    source, dimension
from {{ source('reference', 'billing_grain') }}
