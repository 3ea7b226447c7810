select source as revenue_source from {{ source('reference', 'revenue_sources') }}
