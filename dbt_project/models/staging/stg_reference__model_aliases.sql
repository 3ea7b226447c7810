select
    provider, alias, model
from {{ source('reference', 'model_aliases') }}
