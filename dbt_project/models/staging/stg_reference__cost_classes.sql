select
    environment, destination, cost_class
from {{ source('reference', 'cost_classes') }}
