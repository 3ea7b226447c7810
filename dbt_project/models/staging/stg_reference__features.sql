select
    feature_id, name, owner, value_per_outcome, revenue_model
from {{ source('reference', 'features') }}
