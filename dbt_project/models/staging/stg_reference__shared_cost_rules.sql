select
    destination, driver, valid_from, valid_to, version
from {{ source('reference', 'shared_cost_rules') }}
