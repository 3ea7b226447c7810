select
    model, tier, cheaper_model
from {{ source('reference', 'model_tiers') }}
