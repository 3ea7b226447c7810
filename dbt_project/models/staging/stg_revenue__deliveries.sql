select source as revenue_source, unit, landing_id, place from {{ source('reference', 'revenue_deliveries') }}
