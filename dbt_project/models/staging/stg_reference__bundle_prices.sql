select
    bundle_id, feature_id, stand_alone_price, valid_from, valid_to
from {{ source('reference', 'bundle_prices') }}
