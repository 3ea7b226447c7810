select
    source, meter, unit
from {{ source('reference', 'published_units') }}
