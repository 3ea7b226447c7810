select source as invoice_source, unit, landing_id, place from {{ source('reference', 'invoice_deliveries') }}
