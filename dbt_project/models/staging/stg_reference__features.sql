select
    feature_id, name, owner, value_per_outcome, revenue_model, risk, batchable
from {{ source('reference', 'features') }}
