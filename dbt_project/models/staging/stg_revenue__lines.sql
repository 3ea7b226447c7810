select
    source as revenue_source, landing_id, landing_line, revenue_id, tenant_id, feature_id, bundle_id, kind, bills_revenue_id, pricing,
    service_period_start, service_period_end, amount, currency
from {{ source('lake', 'revenue') }}
