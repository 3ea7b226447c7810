select
    source, provider, name, model, geography
from {{ source('reference', 'model_names') }}
