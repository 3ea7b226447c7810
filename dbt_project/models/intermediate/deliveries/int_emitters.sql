{{ config(materialized='by_day', meta={'day': 'charge_day', 'made_from': 'int_call_days'}) }}
-- depends_on: {{ ref('int_call_days') }}
-- grain: day × what its calls tell of who was called for whom, each once: all that placement is decided by
select distinct cast(ended_at as date) as charge_day, billable, {{ listed(emitter_columns()) }}
from {{ ref('stg_telemetry__calls') }}
where {{ within_days('ended_at') }}
union distinct
select distinct cast(ended_at as date), billable, {{ listed(emitter_columns()) }}
from {{ ref('stg_telemetry__resolved_calls') }}
where {{ within_days('ended_at') }}
