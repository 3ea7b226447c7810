select
    source, landing_id, landing_line,

    kind, customer_type, model,

    charge_day, input_tokens, cache_read_input_tokens, cache_write_input_tokens, output_tokens, estimated_cost, currency
from {{ source('lake', 'provider_estimates') }}
