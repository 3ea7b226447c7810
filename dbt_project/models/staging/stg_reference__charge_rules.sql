select
    priority, source, service_name, billing_account_id, sub_account_id, sku_meter, model, tag_key, tag_value, charge_category, destination,
    valid_from, valid_to, version
from {{ source('reference', 'charge_rules') }}
